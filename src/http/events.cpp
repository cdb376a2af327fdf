#include "http/events.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "coaching/event_hub.hpp"
#include "coaching/events.hpp"
#include "http/sse.hpp"

namespace http {
namespace {

using base::Task;
using coaching::Coaching;
using std::chrono::steady_clock;

// What a client waits for before it connects again (milliseconds); sent first, and as the last word of a stream that ends.
constexpr std::string_view kRetry = "retry: 1000\n\n";

// One that comes late must not take the client back to before what it has `seen`.
std::string text_of(const std::vector<coaching::Event>& events, const std::string& seen) {
  std::string text;
  for (const auto& event : events) {
    text += format_event(std::max(event.event_id, seen), event.type, base::write_json(coaching::event_body(event)));
  }
  return text;
}

Task<> write_events(const Coaching& coaching, std::shared_ptr<coaching::EventHub::Listener> listener,
                    std::shared_ptr<coaching::EventFeed> feed, base::Milliseconds keep_alive, StreamWriter& writer) {
  const auto executor = co_await boost::asio::this_coro::executor;
  auto wrote_at = steady_clock::now();
  if (!co_await writer.write(std::string(kRetry))) co_return;
  while (!coaching.event_hub.closed()) {
    auto ticket = listener->bell.draw(executor);
    const auto seen = feed->position();
    auto text = text_of(co_await feed->next(), seen);
    const auto quiet = std::chrono::duration_cast<base::Milliseconds>(steady_clock::now() - wrote_at);
    if (text.empty() && quiet >= keep_alive) text = kKeepAlive;
    if (text.empty()) {
      co_await ticket.wait(std::min(coaching.options.events.poll, keep_alive - quiet));
      continue;
    }
    if (!co_await writer.write(std::move(text))) co_return;
    wrote_at = steady_clock::now();
  }
  co_await writer.write(std::string(kRetry));
}

// A store that does not answer ends the stream; the client connects again and goes on where it was.
Task<> write_until_failure(const Coaching& coaching, std::shared_ptr<coaching::EventHub::Listener> listener,
                           std::shared_ptr<coaching::EventFeed> feed, base::Milliseconds keep_alive,
                           StreamWriter& writer) {
  try {
    co_await write_events(coaching, std::move(listener), std::move(feed), keep_alive, writer);
  } catch (const base::Error& error) {
    coaching.log.write(telemetry::Level::warn, "events_failed",
                       {{"error", base::to_string(error.code)}, {"reason", error.message}});
  }
}

std::string last_event_id(const Call& call) {
  std::string id(call.request.header("last-event-id"));
  if (id.empty() || base::is_id(id, "evt")) return id;
  throw base::Error(base::Code::bad_request, "Last-Event-ID must be the id of an event, such as evt_…");
}

bool wants_whole_tenant(const Call& call) {
  if (call.text_parameter("scope") != "tenant") return false;
  require_role(call.caller, "admin");
  return true;
}

Response stream(const Coaching& coaching, const Call& call, base::Milliseconds keep_alive) {
  const coaching::Owner owner{call.caller.tenant_id, call.caller.user_id};
  const bool whole_tenant = wants_whole_tenant(call);
  auto after = last_event_id(call);
  auto listener = coaching.event_hub.listen(owner, whole_tenant, coaching.options.events);
  auto feed = std::make_shared<coaching::EventFeed>(coaching, owner, whole_tenant, std::move(after));
  return event_stream(
      [&coaching, listener = std::move(listener), feed = std::move(feed), keep_alive](StreamWriter& writer) {
        return write_until_failure(coaching, listener, feed, keep_alive, writer);
      });
}

}  // namespace

void add_events(Handlers& handlers, const Coaching& coaching, base::Milliseconds keep_alive) {
  handlers.emplace("stream_events", [&coaching, keep_alive](const Call& call) -> Task<Response> {
    co_return stream(coaching, call, keep_alive);
  });
}

}  // namespace http
