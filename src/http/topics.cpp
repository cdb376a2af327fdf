#include "http/topics.hpp"

#include <algorithm>
#include <tuple>

#include "coaching/conversations.hpp"
#include "coaching/tiers.hpp"
#include "coaching/topic_versions.hpp"

namespace http {
namespace {

using base::Task;
using coaching::Coaching;
using coaching::Status;
namespace json = base::json;

std::string_view progress_name(Status status) {
  switch (status) {
    case Status::active:
    case Status::completing:
    case Status::needs_review: return "in_progress";
    case Status::paused: return "paused";
    case Status::completed: return "completed";
    case Status::cancelled:
    case Status::abandoned: break;
  }
  return "not_started";
}

// The names of JSON Schema, which the contract uses.
std::string_view json_type(std::string_view type) { return type == "list" ? "array" : type; }

json::array parameters_of(const coaching::Topic& topic) {
  json::array list;
  for (const auto& parameter : topic.parameters) {
    if (parameter.source != "request") continue;  // the others are not for the client to give
    list.push_back({{"name", parameter.name},
                    {"type", json_type(parameter.type)},
                    {"description", parameter.description},
                    {"required", parameter.required}});
  }
  return list;
}

// Conversations first, analyses by what they are about.
Task<std::vector<std::shared_ptr<const coaching::Topic>>> in_order(const Coaching& coaching, std::string tenant_id) {
  auto topics = co_await coaching::live_topics(coaching, std::move(tenant_id));
  std::ranges::sort(topics, {},
                    [](const auto& topic) { return std::tie(topic->kind, topic->category, topic->name, topic->id); });
  co_return topics;
}

Task<Response> list_topics(const Coaching& coaching, const Caller& caller) {
  const auto conversations =
      co_await coaching::newest_by_topic(coaching, coaching::Owner{caller.tenant_id, caller.user_id});
  const auto now = coaching.clock.now();
  json::array list;
  for (const auto& topic : co_await in_order(coaching, caller.tenant_id)) {
    if (!coaching::tier_includes(caller.tier, topic->tier)) continue;
    std::string_view progress = "not_started";
    for (const auto& conversation : conversations) {
      if (conversation.topic != topic->id) continue;
      progress = progress_name(coaching::shown_status(conversation, now, coaching.patience()));
    }
    list.push_back({{"id", topic->id},
                    {"kind", base::name_of(topic->kind)},
                    {"category", topic->category.empty() ? json::value() : json::value(topic->category)},
                    {"name", topic->name},
                    {"description", topic->description},
                    {"parameters", parameters_of(*topic)},
                    {"progress", progress}});
  }
  co_return Response::json(200, {{"topics", std::move(list)}});
}

Task<Response> topic_schema(const Coaching& coaching, const Call& call) {
  const auto topic = co_await coaching::live_topic(coaching, call.caller.tenant_id, call.path("topic_id"));
  if (!topic || !coaching::tier_includes(call.caller.tier, topic->tier)) {
    throw base::Error(base::Code::topic_not_found, "there is no such topic; GET /api/v1/topics lists them");
  }
  co_return Response::json(
      200, {{"topic", topic->id}, {"request_schema", topic->request_schema}, {"result_schema", topic->result_schema}});
}

}  // namespace

void add_topics(Handlers& handlers, const Coaching& coaching) {
  handlers.emplace("list_topics", [&coaching](const Call& call) { return list_topics(coaching, call.caller); });
  handlers.emplace("get_topic_schema", [&coaching](const Call& call) { return topic_schema(coaching, call); });
}

}  // namespace http
