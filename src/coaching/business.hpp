#pragma once
// What is on record about the business of a tenant, and where it is read: our own store, or somebody's Business API.
#include <boost/describe.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "base/json.hpp"
#include "coaching/conversation.hpp"
#include "net/circuit_breaker.hpp"
#include "telemetry/trace.hpp"

namespace coaching {

// profile is of the person who asks; all others are the tenant's. All from goals on are lists.
enum class BusinessSection { profile, foundation, goals, strategies, measures, actions, issues, people };
BOOST_DESCRIBE_ENUM(BusinessSection, profile, foundation, goals, strategies, measures, actions, issues, people)

bool is_list(BusinessSection section);

enum class BusinessProvider { local, http, none };
BOOST_DESCRIBE_ENUM(BusinessProvider, local, http, none)

struct BusinessOptions {
  BusinessProvider provider = BusinessProvider::local;  // our own store, a Business API, or nothing at all
  // The rest is for http (docs/business-api.openapi.yaml).
  std::string base_url;  // "https://business.example.com/api"
  std::string account_url;  // of /user/profile, when it is elsewhere; "" for base_url
  base::Milliseconds timeout{2'000};  // of a call, all of it
  std::int64_t max_bytes = 1024 * 1024;  // of an answer
  base::Milliseconds ttl{60'000};  // an answer is given again for so long
  base::Milliseconds stale{10 * 60'000};  // and for so long more while a newer one is fetched behind it
  base::Milliseconds stale_if_error{24 * 3'600'000};  // and so old when none can be had
  std::int64_t cache_bytes = 32LL << 20;
  // One user's answer is given to the others of the tenant too. Only where all of them may see the same: it is the user's
  // token that the Business API has judged.
  bool shared_by_tenant = false;
  net::CircuitBreakerOptions circuit_breaker;
};
BOOST_DESCRIBE_STRUCT(BusinessOptions, (),
                      (provider, base_url, account_url, timeout, max_bytes, ttl, stale, stale_if_error, cache_bytes,
                       shared_by_tenant, circuit_breaker))

struct BusinessQuery {
  BusinessSection section = BusinessSection::foundation;
  std::string id;  // of one goal; "" for the whole section
  Owner owner;  // who asks
  base::PrivateText token;  // the same, for the Business API to judge; "" when nobody asks (a job)
  telemetry::Trace trace;
};

struct BusinessData {
  std::shared_ptr<const base::json::value> value;  // names in snake_case; null when nothing is on record
  bool stale = false;  // from before, because it cannot be read now
};

struct BusinessHealth {
  enum class State { healthy, degraded, unhealthy, not_configured };
  State state = State::not_configured;
  std::string reason;  // for the operator
};

// Any thread.
class BusinessSource {
 public:
  virtual ~BusinessSource() = default;
  // Throws Error: dependency_unavailable when it cannot be read, forbidden when this caller may not read it.
  virtual base::Task<BusinessData> read(BusinessQuery query) = 0;
  virtual base::Task<BusinessHealth> health() = 0;
};

// Nothing is on record, and nothing is asked.
class NoBusiness final : public BusinessSource {
 public:
  base::Task<BusinessData> read(BusinessQuery query) override;
  base::Task<BusinessHealth> health() override;
};

// Where a parameter's source, "business.goals" or "business.foundation.purpose", leads.
struct BusinessPath {
  BusinessSection section = BusinessSection::foundation;
  bool one_goal = false;  // "business.goal": the one that the request's goal_id names
  std::string_view path;  // "purpose", a part of the source; "" for all of the section
};
// nullopt for another source. What names no section is a member of the foundation, as topics of old have it
// ("business.vision").
std::optional<BusinessPath> business_path(std::string_view source);
// What a source begins with by right: "goals", …, "goal".
bool names_section(std::string_view source);

// What lies at a path of dots; of a list, what each of its elements has there. null when there is nothing.
base::json::value value_at(const base::json::value& value, std::string_view path);

}  // namespace coaching
