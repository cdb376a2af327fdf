#include "http/webhooks.hpp"

#include "coaching/topic_versions.hpp"
#include "coaching/webhooks.hpp"

namespace http {
namespace {

using base::Task;
using coaching::Coaching;
namespace json = base::json;

// The tenant of this name stands for all of them.
coaching::Owner actor_of(const Call& call) {
  if (call.caller.tenant_id == coaching::kAllTenants) {
    throw base::Error(base::Code::forbidden, "a tenant of this name has no webhooks of its own");
  }
  return {call.caller.tenant_id, call.caller.user_id};
}

// The secret is shown once, when it is made.
json::object body_of(const coaching::Webhook& webhook) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? json::value() : json::value(text); };
  return {{"webhook_id", webhook.webhook_id},
          {"url", webhook.url.reveal()},
          {"events", base::to_json(webhook.events)},
          {"description", text_or_null(webhook.description)},
          {"enabled", webhook.enabled},
          {"disabled_reason", text_or_null(webhook.disabled_reason)},
          {"created_by", webhook.created_by},
          {"created_at", base::to_json(webhook.created_at)}};
}

Task<Response> create(const Coaching& coaching, const Call& call) {
  coaching::NewWebhook request;
  request.url = call.text("url");
  request.events = base::from_json<std::vector<std::string>>(call.input.body.at("events"));
  request.description = call.text("description");
  const auto webhook = co_await coaching::register_webhook(coaching, actor_of(call), std::move(request));
  auto body = body_of(webhook);
  body.emplace("secret", webhook.secret.reveal());
  co_return Response::json(201, body);
}

Task<Response> rotate(const Coaching& coaching, const Call& call) {
  const auto webhook = co_await coaching::rotate_secret(coaching, actor_of(call), call.path("webhook_id"));
  auto body = body_of(webhook);
  body.emplace("secret", webhook.secret.reveal());
  co_return Response::json(200, body);
}

Task<Response> list(const Coaching& coaching, const Call& call) {
  json::array webhooks;
  for (const auto& webhook : co_await coaching::list_webhooks(coaching.store, actor_of(call).tenant_id)) {
    webhooks.push_back(body_of(webhook));
  }
  co_return Response::json(200, {{"webhooks", std::move(webhooks)}});
}

Task<Response> erase(const Coaching& coaching, const Call& call) {
  co_await coaching::delete_webhook(coaching, actor_of(call), call.path("webhook_id"));
  co_return Response::no_content();
}

}  // namespace

void add_webhooks(Handlers& handlers, const Coaching& coaching) {
  const auto add = [&](const char* operation_id, auto handler) {
    handlers.emplace(operation_id, [&coaching, handler](const Call& call) { return handler(coaching, call); });
  };
  add("create_webhook", create);
  add("rotate_webhook_secret", rotate);
  add("list_webhooks", list);
  add("delete_webhook", erase);
}

}  // namespace http
