#pragma once
// Incremental decoder of text/event-stream, by the WHATWG's HTML standard, section 9.2.6 "Interpreting an event stream"
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). Bytes may be split anywhere.
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace net {

struct SseEvent {
  std::string type = "message";
  std::string data;  // lines joined by '\n'
  std::string id;  // the last id seen, "" when none
  std::optional<std::chrono::milliseconds> retry;  // set by the event that brought it
  bool operator==(const SseEvent&) const = default;
};

// One stream, one thread.
//   decoder.feed(bytes);
//   while (const auto* event = decoder.next()) …
class SseDecoder {
 public:
  // An event, or a line, of more than `max_event_bytes` is an error: a stream must not fill our memory.
  explicit SseDecoder(std::size_t max_event_bytes = 1024 * 1024) : max_event_bytes_(max_event_bytes) {}

  // The bytes must stay where they are until next() has returned nullptr.
  void feed(std::string_view bytes) { rest_ = bytes; }
  // The next complete event, valid until the next call; nullptr when more bytes are needed. What follows the last
  // empty line of a stream is no event, as the standard says. Throws Error{dependency_unavailable} past the bound.
  const SseEvent* next();

 private:
  bool take_line(std::string_view& line);  // false: the line's end has not come yet
  void take_field(std::string_view line);
  bool dispatch();
  void check_bound(std::size_t bytes) const;

  std::size_t max_event_bytes_;
  std::string_view rest_;
  std::string partial_;  // the beginning of a line whose end has not come
  bool in_partial_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;
  bool has_data_ = false;
  std::string type_;
  std::string data_;
  std::string id_;
  std::optional<std::chrono::milliseconds> retry_;
  SseEvent event_;
};

}  // namespace net
