#include "http/turn_events.hpp"

#include <fmt/format.h>

#include <charconv>

#include "http/errors.hpp"
#include "http/sse.hpp"

namespace http {
namespace {

using base::Task;

std::string event_id(std::int64_t attempt, std::size_t offset) { return fmt::format("{}.{}", attempt, offset); }

std::string accepted_event(const coaching::OpenTurn& turn) {
  const base::json::object data{{"turn_id", turn.turn_id}, {"message_id", turn.message_id}};
  return format_event(event_id(turn.attempt, 0), "accepted", base::write_json(data));
}

std::string delta_event(std::int64_t attempt, std::size_t offset, std::string_view text) {
  const base::json::object data{{"text", text}};
  return format_event(event_id(attempt, offset), "delta", base::write_json(data));
}

std::string message_event(const coaching::LiveTurn& turn, const coaching::Message& reply) {
  return format_event(fmt::format("{}.end", turn.turn.attempt), "message",
                      base::write_json(reply_body(turn.conversation_id, reply)));
}

std::string error_event(const coaching::LiveTurn& turn, const base::Error& error, std::string_view request_id) {
  return format_event(fmt::format("{}.error", turn.turn.attempt), "error", to_response(error, request_id).body);
}

// Everything new as events; sets `over` after the last one.
std::string next_events(const coaching::LiveTurn& turn, std::size_t& seen, bool& over, std::string_view request_id) {
  try {
    const auto news = turn.news_since(seen);
    std::string events;
    if (!news.text.empty()) {
      seen += news.text.size();
      events += delta_event(turn.turn.attempt, seen, news.text);
    }
    if (news.reply) {
      over = true;
      events += message_event(turn, *news.reply);
    }
    return events;
  } catch (const base::Error& error) {
    over = true;
    return error_event(turn, error, request_id);
  }
}

Task<> write_turn(const coaching::Coaching& coaching, coaching::LiveTurnPtr turn, std::size_t seen, bool skip_text,
                  bool say_accepted, base::Milliseconds keep_alive, std::string request_id, StreamWriter& writer) {
  const coaching::Listening listening(turn, coaching.clock);
  if (say_accepted && !co_await writer.write(accepted_event(turn->turn))) co_return;
  for (bool over = false; !over;) {
    std::string events;
    if (skip_text) {
      // What was shown came from an attempt that died: only the final text counts.
      if (turn->finished()) {
        seen = std::string::npos;
        events = next_events(*turn, seen, over, request_id);
      }
    } else {
      events = next_events(*turn, seen, over, request_id);
    }
    if (events.empty()) {
      co_await turn->wait_for_news(skip_text ? std::string::npos : seen, keep_alive);
      if (turn->quiet_since(seen)) events = kKeepAlive;
      if (events.empty()) continue;
    }
    if (!co_await writer.write(std::move(events))) co_return;
  }
}

}  // namespace

std::optional<EventPosition> parse_event_id(std::string_view last_event_id) {
  if (last_event_id.empty()) return std::nullopt;
  const auto fail = [] {
    return base::Error(base::Code::bad_request, "Last-Event-ID must be an id of this turn's events, such as 1.24");
  };
  EventPosition position;
  const auto dot = last_event_id.find('.');
  if (dot == std::string_view::npos) throw fail();
  const auto number = [&](std::string_view text, auto& out) {
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
    return fault == std::errc{} && end == text.data() + text.size();
  };
  if (!number(last_event_id.substr(0, dot), position.attempt)) throw fail();
  const auto rest = last_event_id.substr(dot + 1);
  position.ended = rest == "end" || rest == "error";
  if (!position.ended && !number(rest, position.offset)) throw fail();
  return position;
}

base::json::value reply_body(const std::string& conversation_id, const coaching::Message& reply) {
  if (!reply.turn) throw base::Error(base::Code::internal_error, "this message is no reply of a turn");
  const auto& turn = *reply.turn;
  base::json::value next_steps = nullptr;
  if (turn.next_steps) next_steps = base::json::array{turn.next_steps->reveal()};
  return {{"conversation_id", conversation_id},
          {"message_id", reply.message_id},
          {"ai_response", reply.content.reveal()},
          {"follow_up_question", base::to_json(turn.follow_up_question)},
          {"current_phase", base::name_of(turn.phase)},
          {"progress", turn.progress},
          {"is_complete", turn.is_complete},
          {"insights", base::to_json(turn.insights)},
          {"identified_values", base::to_json(turn.identified_values)},
          {"next_steps", std::move(next_steps)},
          {"usage",
           {{"prompt_tokens", turn.prompt_tokens},
            {"completion_tokens", turn.completion_tokens},
            {"total_tokens", turn.prompt_tokens + turn.completion_tokens},
            {"model", turn.model},
            {"cost_usd", turn.cost_usd}}}};
}

Response stream_turn(const coaching::Coaching& coaching, coaching::LiveTurnPtr turn,
                     std::optional<EventPosition> position, base::Milliseconds keep_alive, std::string request_id) {
  const bool other_attempt = position && position->attempt != turn->turn.attempt;
  const std::size_t seen = position && !other_attempt ? position->offset : 0;
  return event_stream([&coaching, turn = std::move(turn), seen,
                       skip_text = other_attempt || (position && position->ended), say_accepted = !position, keep_alive,
                       id = std::move(request_id)](StreamWriter& writer) {
    return write_turn(coaching, turn, seen, skip_text, say_accepted, keep_alive, id, writer);
  });
}

}  // namespace http
