#include "http/conversations.hpp"

#include "coaching/cache.hpp"
#include "coaching/conversations.hpp"
#include "coaching/topic_versions.hpp"
#include "coaching/turn.hpp"
#include "http/sse.hpp"
#include "http/turn_events.hpp"

namespace http {
namespace {

using base::Task;
using coaching::Coaching;
namespace json = base::json;

constexpr base::Milliseconds kLookAfterClient{
    1'000};  // how often a waiting request is asked whether its client is there

coaching::Owner owner_of(const Caller& caller) { return {caller.tenant_id, caller.user_id}; }

std::string conversation_id_of(const Call& call) { return call.path("conversation_id"); }

json::value shown_state(const Coaching& coaching, const coaching::Conversation& conversation) {
  const auto status = coaching::shown_status(conversation, coaching.clock.now(), coaching.patience());
  return {{"conversation_id", conversation.conversation_id},
          {"user_id", conversation.owner.user_id},
          {"tenant_id", conversation.owner.tenant_id},
          {"topic", conversation.topic},
          {"status", base::name_of(status)},
          {"current_phase", base::name_of(conversation.phase)},
          {"progress", coaching::progress_of(conversation.phase)},
          {"created_at", base::to_json(conversation.created_at)},
          {"updated_at", base::to_json(conversation.updated_at)},
          {"completed_at", base::to_json(conversation.completed_at)}};
}

json::value message_body(const coaching::Message& message) {
  auto metadata = message.metadata;
  if (message.turn) {
    const auto& turn = *message.turn;
    metadata["turn_id"] = turn.turn_id;
    metadata["model"] = turn.model;
    metadata["prompt_tokens"] = turn.prompt_tokens;
    metadata["completion_tokens"] = turn.completion_tokens;
    metadata["cost_usd"] = turn.cost_usd;
    metadata["phase"] = base::name_of(turn.phase);
  }
  return {{"message_id", message.message_id},
          {"role", base::name_of(message.role)},
          {"content", message.content.reveal()},
          {"timestamp", base::to_json(message.timestamp)},
          {"metadata", std::move(metadata)}};
}

// Whose version of the topic it is.
std::string_view origin_of(const coaching::Conversation& conversation) {
  if (conversation.topic_scope.empty()) return "built_in";
  return conversation.topic_scope == coaching::kAllTenants ? "all_tenants" : "tenant";
}

json::value conversation_body(const Coaching& coaching, const coaching::Conversation& conversation,
                              const coaching::BusinessContext* context,
                              const std::vector<coaching::Message>& messages) {
  auto body = shown_state(coaching, conversation);
  json::array list;
  for (const auto& message : messages) list.push_back(message_body(message));
  auto metadata = conversation.metadata;
  metadata["language"] = conversation.language;
  metadata["topic_version"] = conversation.topic_scope.empty() ? 0 : conversation.topic_version;
  metadata["topic_origin"] = origin_of(conversation);
  metadata["message_count"] = conversation.message_count;
  metadata["is_complete"] = conversation.is_complete;
  if (!conversation.context.empty()) metadata["context"] = conversation.context;
  if (context != nullptr) metadata["business_context"] = coaching::shown_context(*context);
  if (!conversation.review_reason.empty()) metadata["review_reason"] = conversation.review_reason;
  if (!conversation.feedback.empty()) metadata["feedback"] = conversation.feedback;
  if (conversation.open_turn) metadata["open_turn_id"] = conversation.open_turn->turn_id;
  auto& object = body.as_object();
  object.emplace("messages", std::move(list));
  object.emplace("insights", base::to_json(conversation.insights));
  object.emplace("identified_values", base::to_json(conversation.identified_values));
  object.emplace("result", conversation.result);
  object.emplace("metadata", std::move(metadata));
  return body;
}

Task<Response> initiate(const Coaching& coaching, const Call& call) {
  coaching::StartRequest start;
  start.topic = call.text("topic");
  start.context = call.object("context");
  start.language = call.text("language", "en");
  start.tier = call.caller.tier;
  start.user_name = base::PrivateText(call.caller.name);
  start.token = call.token();
  start.trace = call.request.trace;
  const auto started = co_await coaching::start_conversation(coaching, owner_of(call.caller), std::move(start));
  const auto& conversation = started.conversation;
  json::object body{{"conversation_id", conversation.conversation_id},
                    {"user_id", conversation.owner.user_id},
                    {"tenant_id", conversation.owner.tenant_id},
                    {"topic", conversation.topic},
                    {"status", base::name_of(conversation.status)},
                    {"current_phase", base::name_of(conversation.phase)},
                    {"initial_message", started.initial_message.content.reveal()},
                    {"progress", coaching::progress_of(conversation.phase)},
                    {"created_at", base::to_json(conversation.created_at)}};
  if (started.context) {
    body["metadata"] = json::object{{"business_context", coaching::shown_context(*started.context)}};
  }
  auto response = Response::json(201, body);
  response.headers.emplace_back("Location", "/api/v1/conversations/" + conversation.conversation_id);
  co_return response;
}

// A client that left no longer counts as one that listens: the turn goes on, and is given up when nobody comes back for
// it in time. (One that merely closed its own side gets the answer until then.)
Task<std::shared_ptr<const coaching::Message>> wait_for_reply(const Coaching& coaching, const Request& request,
                                                              coaching::LiveTurnPtr live) {
  std::optional<coaching::Listening> listening(std::in_place, live, coaching.clock);
  while (!live->finished()) {
    co_await live->wait_for_news(std::string::npos, kLookAfterClient);
    if (listening && request.client_left && request.client_left()) listening.reset();
  }
  co_return co_await live->wait_for_reply();
}

Task<Response> send_message(const Coaching& coaching, const Call& call, base::Milliseconds keep_alive) {
  coaching::TurnRequest turn;
  turn.user_message = base::PrivateText(call.text("user_message"));
  turn.metadata = call.object("metadata");
  turn.idempotency_key = call.request.header("idempotency-key");
  turn.resume_paused = call.flag_parameter("resume");
  turn.stream = call.input.media == kEventStream;
  turn.token = call.token();
  turn.trace = call.request.trace;
  const bool stream = turn.stream;
  const auto live =
      co_await coaching::take_turn(coaching, owner_of(call.caller), conversation_id_of(call), std::move(turn));
  if (stream) co_return stream_turn(coaching, live, std::nullopt, keep_alive, call.request.id);
  const auto reply = co_await wait_for_reply(coaching, call.request, live);
  co_return Response::json(200, reply_body(live->conversation_id, *reply));
}

Task<Response> turn_events(const Coaching& coaching, const Call& call, base::Milliseconds keep_alive) {
  const auto position = parse_event_id(call.request.header("last-event-id"));
  const auto live = co_await coaching::find_turn(coaching, owner_of(call.caller), conversation_id_of(call),
                                                 call.path("turn_id"), coaching.options.turn_lease);
  co_return stream_turn(coaching, live, position, keep_alive, call.request.id);
}

Task<Response> get_conversation(const Coaching& coaching, const Call& call) {
  const auto id = conversation_id_of(call);
  coaching.cache.drop(id);  // another process may have written since
  const auto snapshot = co_await coaching::load(coaching, owner_of(call.caller), id);
  const auto page =
      co_await coaching::read_messages(coaching, snapshot->conversation, call.text_parameter("messages_after"),
                                       static_cast<std::size_t>(call.number_parameter("limit")));
  co_return Response::json(200,
                           conversation_body(coaching, snapshot->conversation, snapshot->context.get(), page.messages));
}

Task<Response> list_conversations(const Coaching& coaching, const Call& call) {
  const auto page = call.number_parameter("page");
  const auto page_size = call.number_parameter("page_size");
  const auto got = co_await coaching::list_conversations(coaching, owner_of(call.caller), page, page_size,
                                                         call.flag_parameter("active_only"));
  json::array list;
  for (const auto& conversation : got.conversations) {
    auto state = shown_state(coaching, conversation);
    state.as_object().emplace("message_count", conversation.message_count);
    list.push_back(std::move(state));
  }
  co_return Response::json(200, {{"conversations", std::move(list)},
                                 {"total", got.total},
                                 {"page", page},
                                 {"page_size", page_size},
                                 {"has_more", page * page_size < got.total}});
}

Task<Response> pause(const Coaching& coaching, const Call& call) {
  co_await coaching::pause_conversation(coaching, owner_of(call.caller), conversation_id_of(call), call.text("reason"));
  co_return Response::no_content();
}

Task<Response> resume(const Coaching& coaching, const Call& call) {
  const auto id = conversation_id_of(call);
  const auto message =
      co_await coaching::resume_conversation(coaching, owner_of(call.caller), id, call.token(), call.request.trace);
  const auto snapshot = co_await coaching::load(coaching, owner_of(call.caller), id);
  co_return Response::json(200, {{"conversation_id", id},
                                 {"message_id", message.message_id},
                                 {"ai_response", message.content.reveal()},
                                 {"status", "active"},
                                 {"current_phase", base::name_of(snapshot->conversation.phase)},
                                 {"progress", coaching::progress_of(snapshot->conversation.phase)}});
}

Task<Response> complete(const Coaching& coaching, const Call& call) {
  const auto* feedback = call.input.body.if_object();
  co_await coaching::complete_conversation(coaching, owner_of(call.caller), conversation_id_of(call),
                                           feedback != nullptr ? *feedback : json::object(), call.request.trace);
  co_return Response::no_content();
}

Task<Response> cancel(const Coaching& coaching, const Call& call) {
  co_await coaching::cancel_conversation(coaching, owner_of(call.caller), conversation_id_of(call));
  co_return Response::no_content();
}

Task<Response> erase(const Coaching& coaching, const Call& call) {
  co_await coaching::delete_conversation(coaching, owner_of(call.caller), conversation_id_of(call));
  co_return Response::no_content();
}

}  // namespace

void add_conversations(Handlers& handlers, const Coaching& coaching, base::Milliseconds keep_alive) {
  const auto add = [&](const char* operation_id, auto handler) {
    handlers.emplace(operation_id, [&coaching, handler](const Call& call) { return handler(coaching, call); });
  };
  add("initiate_conversation", initiate);
  add("send_message",
      [keep_alive](const Coaching& all, const Call& call) { return send_message(all, call, keep_alive); });
  add("turn_events",
      [keep_alive](const Coaching& all, const Call& call) { return turn_events(all, call, keep_alive); });
  add("get_conversation", get_conversation);
  add("list_conversations", list_conversations);
  add("pause_conversation", pause);
  add("resume_conversation", resume);
  add("complete_conversation", complete);
  add("cancel_conversation", cancel);
  add("delete_conversation", erase);
}

}  // namespace http
