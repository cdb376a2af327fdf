#pragma once
// Events for a tenant's own servers: registered endpoints, and deliveries by the Standard Webhooks specification
// (https://www.standardwebhooks.com): a job for each, written in the transaction of the event it carries.
#include <boost/describe.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coaching/events.hpp"
#include "coaching/live_job.hpp"

namespace net {
class HttpClient;
}

namespace coaching {

struct WebhookOptions {
  base::Milliseconds timeout{10'000};  // for a delivery, from connecting to the answer's end
  std::int64_t per_tenant = 10;  // endpoints
  base::Milliseconds rotation{86'400'000};  // how long a secret that was replaced still signs
  // "127.0.0.1:8080": allowed although not public. For tests and development; refused in production.
  std::vector<std::string> allow_private;
};
BOOST_DESCRIBE_STRUCT(WebhookOptions, (), (timeout, per_tenant, rotation, allow_private))

struct Webhook {
  std::string webhook_id;  // whk_…
  std::string tenant_id;
  base::PrivateText url;  // may hold a key of its owner's
  std::vector<std::string> events;  // types; "*" for all
  std::string description;
  base::Secret secret;  // whsec_ and base64
  base::Secret previous_secret;  // signs too until then
  std::optional<base::Time> previous_until;
  bool enabled = true;
  std::string disabled_reason;  // "gone": it answered 410
  std::string created_by;  // user id
  base::Time created_at{};
};
BOOST_DESCRIBE_STRUCT(Webhook, (),
                      (webhook_id, tenant_id, url, events, description, secret, previous_secret, previous_until,
                       enabled, disabled_reason, created_by, created_at))

// How deliveries are made: options and the client for them. Any thread.
class Webhooks {
 public:
  // `allow_http`: for the development stage.
  Webhooks(WebhookOptions options, bool allow_http);
  ~Webhooks();

  const WebhookOptions& options() const { return options_; }
  net::HttpClient& client() const { return *client_; }
  // Throws Error{validation_error} naming `url` for one that is none, or that leads to a private address by what it says.
  void check_url(const std::string& url) const;

 private:
  WebhookOptions options_;
  bool allow_http_;
  std::unique_ptr<net::HttpClient> client_;
};

// An administrator's acts; each is audited in its transaction, without URL and secret.
struct NewWebhook {
  std::string url;
  std::vector<std::string> events;
  std::string description;
};
// Throws Error: validation_error; domain_validation_error (rule max_webhooks_reached); conflict.
base::Task<Webhook> register_webhook(const Coaching& coaching, Owner actor, NewWebhook request);
base::Task<std::vector<Webhook>> list_webhooks(store::Store& store, std::string tenant_id);  // oldest first
// A new secret; for options.rotation deliveries are signed with the one before as well. Throws Error: not_found; conflict.
base::Task<Webhook> rotate_secret(const Coaching& coaching, Owner actor, std::string webhook_id);
// Deliveries that wait are dropped. Throws Error{not_found}.
base::Task<> delete_webhook(const Coaching& coaching, Owner actor, std::string webhook_id);

// A delivery's job for each endpoint of the event's tenant that wants it; their ids are noted in the event.
base::Task<> add_deliveries(const Coaching& coaching, Event& event, std::vector<store::Write>& writes);

// One attempt at a delivery: completed by a 2xx; 410 ends it and switches the endpoint off; for anything else throws
// Error{dependency_unavailable}, with what Retry-After asked for.
base::Task<> run_webhook(const Coaching& coaching, LiveJobPtr live);
base::Task<> give_up_webhook(const Coaching& coaching, LiveJobPtr live, JobFailure why);

// "v1,<base64>" over "<id>.<seconds>.<body>". `secret` as it was handed out.
std::string webhook_signature(const base::Secret& secret, std::string_view id, std::int64_t timestamp_s,
                              std::string_view body);

}  // namespace coaching
