#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/records.hpp"
#include "coaching/webhook_records.hpp"
#include "coaching/webhooks.hpp"
#include "net/backoff.hpp"
#include "net/failure.hpp"
#include "net/http_client.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr int kGone = 410;

bool wants(const Webhook& webhook, const std::string& type) {
  const auto& events = webhook.events;
  return webhook.enabled && std::ranges::any_of(events, [&](const auto& one) { return one == "*" || one == type; });
}

// Nothing of it names the endpoint.
Error refused(const net::HttpResponse& response, base::Time now) {
  Error error(Code::dependency_unavailable, fmt::format("the endpoint answered {}", response.status));
  error.retry_after = net::parse_retry_after(response.headers.find("retry-after"), "", now);
  return error;
}

Error unreachable(const Error& error) {
  const auto stage = net::failed_stage(error);
  const auto where = stage ? base::name_of(*stage) : std::string_view("unknown");
  return {Code::dependency_unavailable,
          fmt::format("the endpoint could not be reached ({}{})", where, net::timed_out(error) ? ", time-out" : "")};
}

// While a secret is being replaced, one by each of the two.
std::string signatures(const Webhook& webhook, const Delivery& delivery, std::int64_t timestamp_s, base::Time now) {
  auto text = webhook_signature(webhook.secret, delivery.event_id, timestamp_s, delivery.body);
  if (webhook.previous_until && now < *webhook.previous_until) {
    text += " " + webhook_signature(webhook.previous_secret, delivery.event_id, timestamp_s, delivery.body);
  }
  return text;
}

Task<net::HttpResponse> send(const Coaching& coaching, const Webhook& webhook, const Delivery& delivery) {
  coaching.webhooks.check_url(webhook.url.reveal());  // what was allowed once may not be now
  const auto timeout = coaching.webhooks.options().timeout;
  const auto now = coaching.clock.now();
  const auto timestamp = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  net::HttpRequest request;
  request.method = "POST";
  request.url = net::parse_url(webhook.url.reveal());
  request.headers = {{"Content-Type", "application/json"},
                     {"webhook-id", delivery.event_id},
                     {"webhook-timestamp", std::to_string(timestamp)},
                     {"webhook-signature", signatures(webhook, delivery, timestamp, now)}};
  request.body = delivery.body;
  request.timeouts = {.connect = timeout, .first_byte = timeout, .idle = timeout, .total = timeout};
  try {
    co_return co_await coaching.webhooks.client().send(request);
  } catch (const Error& error) {
    throw unreachable(error);
  }
}

// Its server says that it wants no more.
Task<> switch_off(const Coaching& coaching, LiveJob& live, Webhook webhook, std::int64_t version) {
  webhook.enabled = false;
  webhook.disabled_reason = "gone";
  std::vector<store::Write> writes{put_webhook(webhook, version + 1, store::Condition::version_is(version))};
  co_await commit_job_end(coaching, live, JobStatus::failed, {"gone", "The endpoint answered 410."}, std::move(writes));
  coaching.log.write(telemetry::Level::warn, "webhook_switched_off",
                     {{"webhook_id", webhook.webhook_id}, {"tenant_id", webhook.tenant_id}});
}

}  // namespace

Task<> run_webhook(const Coaching& coaching, LiveJobPtr live) {
  const auto input = co_await coaching.store.get(job_input_key(live->job_id));
  const auto delivery = input ? record_of<Delivery>(*input) : Delivery{};
  const auto item = co_await coaching.store.get(webhook_key(live->job.owner.tenant_id, delivery.webhook_id));
  const auto webhook = item ? record_of<Webhook>(*item) : Webhook{};
  if (!input || !item || !webhook.enabled) {
    co_return co_await commit_job_end(coaching, *live, JobStatus::failed,
                                      {"obsolete", "The webhook was deleted or switched off."}, {});
  }
  const auto response = co_await send(coaching, webhook, delivery);
  if (response.status == kGone) co_return co_await switch_off(coaching, *live, webhook, item->version);
  if (response.status < 200 || response.status >= 300) throw refused(response, coaching.clock.now());
  co_await commit_job_end(coaching, *live, JobStatus::completed, {}, {});
}

Task<> give_up_webhook(const Coaching& coaching, LiveJobPtr live, JobFailure why) {
  co_await commit_job_end(coaching, *live, JobStatus::failed, std::move(why), {});
}

std::string webhooks_partition(std::string_view tenant_id) { return fmt::format("webhooks#{}", key_part(tenant_id)); }

store::Key webhook_key(std::string_view tenant_id, std::string_view webhook_id) {
  return {webhooks_partition(tenant_id), fmt::format("webhook#{}", key_part(webhook_id))};
}

store::Put put_webhook(const Webhook& webhook, std::int64_t new_version, store::Condition when) {
  store::Item item;
  item.key = webhook_key(webhook.tenant_id, webhook.webhook_id);
  item.version = new_version;
  item.body = body_of(webhook);
  return {std::move(item), when};
}

Task<> add_deliveries(const Coaching& coaching, Event& event, std::vector<store::Write>& writes) {
  for (const auto& webhook : co_await list_webhooks(coaching.store, event.owner.tenant_id)) {
    if (!wants(webhook, event.type)) continue;
    auto job = new_job(coaching, kWebhookJob, event.owner, event.event_id, "");
    job.has_input = true;
    writes.emplace_back(put_job(job, 1, store::Condition::absent()));
    store::Item item;
    item.key = job_input_key(job.job_id);
    item.version = 1;
    item.body = body_of(Delivery{webhook.webhook_id, event.event_id, base::write_json(event_body(event))});
    item.expires_at_s = std::chrono::ceil<std::chrono::seconds>(job.expires_at).time_since_epoch().count();
    writes.emplace_back(store::Put{std::move(item), store::Condition::absent()});
    event.deliveries.push_back(job.job_id);
  }
}

}  // namespace coaching
