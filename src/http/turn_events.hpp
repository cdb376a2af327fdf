#pragma once
// A turn as server-sent events. The id of an event is "<attempt>.<bytes of the reply so far>", so that any process can go
// on where a lost connection broke off, from nothing but the stored reply.
#include <optional>
#include <string>
#include <string_view>

#include "coaching/live_turn.hpp"
#include "coaching/options.hpp"
#include "http/message.hpp"

namespace http {

// Where a client stopped reading: its Last-Event-ID.
struct EventPosition {
  std::int64_t attempt = 0;
  std::size_t offset = 0;  // bytes of the reply already there
  bool ended = false;  // the last event was seen
};
// nullopt for "". Throws Error{bad_request} for anything that is no id of ours.
std::optional<EventPosition> parse_event_id(std::string_view last_event_id);

// The body of a reply: that of POST …/message, and of the event `message`.
base::json::value reply_body(const std::string& conversation_id, const coaching::Message& reply);

// Streams the turn from its beginning (with `accepted`), or from `position` on, with a comment line every `keep_alive`
// in which there is no event.
Response stream_turn(const coaching::Coaching& coaching, coaching::LiveTurnPtr turn,
                     std::optional<EventPosition> position, base::Milliseconds keep_alive, std::string request_id);

}  // namespace http
