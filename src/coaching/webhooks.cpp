#include "coaching/webhooks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <span>
#include <utility>

#include "aws/hash.hpp"
#include "base/base64.hpp"
#include "coaching/audit.hpp"
#include "coaching/records.hpp"
#include "coaching/webhook_records.hpp"
#include "net/http_client.hpp"
#include "net/public_address.hpp"
#include "net/url.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::size_t kLongestUrl = 2'000;

Error wrong_url(const std::string& why) {
  return {Code::validation_error, "the endpoint cannot be registered: its URL " + why,
          base::json::array{base::json::object{{"field", "url"}, {"message", why}}}};
}

Error no_webhook() { return {Code::not_found, "there is no such webhook"}; }

base::Secret make_secret(base::Random& random) {
  std::array<std::byte, kSecretBytes> bytes{};
  random.fill(bytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return base::Secret(fmt::format("{}{}", kSecretPrefix, base::base64_encode(text)));
}

std::vector<std::string> without_repeats(const std::vector<std::string>& events) {
  std::vector<std::string> once;
  for (const auto& event : events) {
    if (std::ranges::find(once, event) == once.end()) once.push_back(event);
  }
  return once;
}

// What the audit log says of an endpoint.
base::json::object shown_in_audit(const Webhook& webhook) { return {{"events", base::to_json(webhook.events)}}; }

std::string_view scheme_and_rest(const std::string& url, std::string_view scheme) {
  return base::to_lower(url.substr(0, scheme.size())) == scheme ? std::string_view(url).substr(scheme.size()) : "";
}

}  // namespace

Webhooks::Webhooks(WebhookOptions options, bool allow_http) : options_(std::move(options)), allow_http_(allow_http) {
  net::ClientOptions client;
  client.max_connections = 16;  // one endpoint must not take them all
  client.idle_for = base::Milliseconds(0);
  client.max_body_bytes = 64 * 1024;
  client.public_only = true;
  client.public_exceptions = options_.allow_private;
  client_ = std::make_unique<net::HttpClient>(client);
}
Webhooks::~Webhooks() = default;

void Webhooks::check_url(const std::string& text) const {
  if (text.size() > kLongestUrl) throw wrong_url("must be at most 2,000 characters");
  const bool has_scheme = !scheme_and_rest(text, "https://").empty() || !scheme_and_rest(text, "http://").empty();
  if (!has_scheme) throw wrong_url("must begin with https://");
  net::Url url;
  try {
    url = net::parse_url(text);
  } catch (const Error&) {
    throw wrong_url("must be one like https://example.com/webhooks");
  }
  if (!url.user_info.empty()) throw wrong_url("must not hold a user name");
  if (net::is_odd_number_host(url.host)) throw wrong_url("must not have a number in an odd form as its host");
  const auto& allowed = options_.allow_private;
  if (std::ranges::find(allowed, fmt::format("{}:{}", url.host, url.port)) != allowed.end()) return;
  if (!url.tls && !allow_http_) throw wrong_url("must begin with https://");
  boost::system::error_code no_address;
  const auto address = boost::asio::ip::make_address(url.host, no_address);
  const bool inside = no_address ? url.host == "localhost" || url.host.ends_with(".localhost")
                                 : net::why_not_public(address).has_value();
  if (inside) throw wrong_url("must lead to the public Internet");
}

Task<Webhook> register_webhook(const Coaching& coaching, Owner actor, NewWebhook request) {
  coaching.webhooks.check_url(request.url);
  const auto known = co_await list_webhooks(coaching.store, actor.tenant_id);
  const auto most = coaching.webhooks.options().per_tenant;
  if (static_cast<std::int64_t>(known.size()) >= most) {
    throw Error(Code::domain_validation_error, fmt::format("there are {} webhooks already; delete one first", most),
                base::json::object{{"rule", "max_webhooks_reached"}, {"limit", most}});
  }
  Webhook webhook;
  webhook.webhook_id = coaching.ids.next("whk");
  webhook.tenant_id = actor.tenant_id;
  webhook.url = base::PrivateText(std::move(request.url));
  webhook.events = without_repeats(request.events);
  webhook.description = std::move(request.description);
  webhook.secret = make_secret(coaching.random);
  webhook.created_by = actor.user_id;
  webhook.created_at = coaching.clock.now();
  std::vector<store::Write> writes{put_webhook(webhook, 1, store::Condition::absent())};
  writes.emplace_back(audited(coaching.ids, coaching.clock, actor, actor.tenant_id, "webhook.register",
                              webhook.webhook_id, shown_in_audit(webhook)));
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) throw Error(Code::conflict, "the webhook could not be stored; try again");
  co_return webhook;
}

Task<std::vector<Webhook>> list_webhooks(store::Store& store, std::string tenant_id) {
  store::Query query;
  query.partition = webhooks_partition(tenant_id);
  query.limit = store::kMaxWrites;
  const auto page = co_await store.query(std::move(query));
  std::vector<Webhook> webhooks;
  for (const auto& item : page.items) webhooks.push_back(record_of<Webhook>(item));
  co_return webhooks;
}

Task<Webhook> rotate_secret(const Coaching& coaching, Owner actor, std::string webhook_id) {
  const auto item = co_await coaching.store.get(webhook_key(actor.tenant_id, webhook_id));
  if (!item) throw no_webhook();
  auto webhook = record_of<Webhook>(*item);
  webhook.previous_secret = std::exchange(webhook.secret, make_secret(coaching.random));
  webhook.previous_until = coaching.clock.now() + coaching.webhooks.options().rotation;
  std::vector<store::Write> writes{
      put_webhook(webhook, item->version + 1, store::Condition::version_is(item->version))};
  writes.emplace_back(audited(coaching.ids, coaching.clock, actor, actor.tenant_id, "webhook.rotate", webhook_id));
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) throw Error(Code::conflict, "the webhook was changed meanwhile; try again");
  co_return webhook;
}

Task<> delete_webhook(const Coaching& coaching, Owner actor, std::string webhook_id) {
  std::vector<store::Write> writes{store::Delete{webhook_key(actor.tenant_id, webhook_id), store::Condition::exists()}};
  writes.emplace_back(audited(coaching.ids, coaching.clock, actor, actor.tenant_id, "webhook.delete", webhook_id));
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) throw no_webhook();
}

std::string webhook_signature(const base::Secret& secret, std::string_view id, std::int64_t timestamp_s,
                              std::string_view body) {
  const auto key = base::base64_decode(std::string_view(secret.reveal()).substr(kSecretPrefix.size()));
  if (!key) throw Error(Code::internal_error, "a webhook's secret is broken");
  const std::span bytes(reinterpret_cast<const unsigned char*>(key->data()), key->size());
  const auto digest = aws::hmac_sha256(bytes, fmt::format("{}.{}.{}", id, timestamp_s, body));
  const std::string_view text(reinterpret_cast<const char*>(digest.data()), digest.size());
  return "v1," + base::base64_encode(text);
}

}  // namespace coaching
