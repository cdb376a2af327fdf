#pragma once
// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "http/message.hpp"

namespace http {

inline constexpr std::string_view kEventStream = "text/event-stream";

// A comment line: no event, but bytes, so that proxies do not take the stream for dead.
inline constexpr std::string_view kKeepAlive = ": keep-alive\n\n";

// Appends `name: value`, without what would end the line: an id or an event name has one line.
inline void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) {
    if (c != '\n' && c != '\r' && c != '\0') out += c;
  }
  out += '\n';
}

// One event; `id` and `event` may be empty. Each line of `data` (ended by LF, CR or CRLF) becomes a data field.
inline std::string format_event(std::string_view id, std::string_view event, std::string_view data) {
  std::string out;
  out.reserve(id.size() + event.size() + data.size() + 32);
  if (!id.empty()) append_field(out, "id", id);
  if (!event.empty()) append_field(out, "event", event);
  while (true) {
    const auto end = data.find_first_of("\r\n");
    out += "data: ";
    out += data.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  out += '\n';
  return out;
}

// An answer that is written by `stream`, and that no cache or proxy may hold back.
inline Response event_stream(std::function<base::Task<void>(StreamWriter&)> stream) {
  Response response;
  response.content_type = std::string(kEventStream);
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("X-Accel-Buffering", "no");  // proxies of nginx's kind pass it on at once
  response.stream = std::move(stream);
  return response;
}

}  // namespace http
