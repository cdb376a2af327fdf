#pragma once
// How often one user may call: a token bucket per user and class of operation, kept in this process.
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "http/message.hpp"
#include "http/recent.hpp"

namespace http {

// `burst` calls at once, then `per_second` of them a second.
struct Limit {
  int burst = 1;
  double per_second = 1;
};
BOOST_DESCRIBE_STRUCT(Limit, (), (burst, per_second))

struct RateLimitOptions {
  bool enabled = true;
  Limit default_{100, 10};  // everything without a class of its own
  Limit initiate{10, 0.5};
  Limit analysis{20, 1};
  Limit failed_token{20, 0.2};  // per remote address: how many bad tokens are worth an answer of their own
  int users = 100'000;  // buckets kept; those of the users seen longest ago are forgotten, that is: full again
};
BOOST_DESCRIBE_STRUCT(RateLimitOptions, (), (enabled, default_, initiate, analysis, failed_token, users))

enum class RateClass { none, default_, initiate, analysis };
// "none", "default", "initiate", "analysis" as in the contract's x-rate-limit; throws Error{internal_error}.
RateClass rate_class_from(std::string_view name);

struct RateDecision {
  bool limited = false;  // whether a limit applies at all; without one there are no headers
  bool allowed = true;
  int limit = 0;  // calls in a burst
  int remaining = 0;  // calls left right now
  std::int64_t reset_s = 0;  // seconds until the bucket is full again
  base::Milliseconds retry_after{0};
};

// Any thread. An instance counts for itself: behind a load balancer with n instances a user can have up to n times as
// much. O(1); memory is bounded by options.users.
class RateLimiter {
 public:
  // Throws Error{validation_error} when a burst is below 1 or a rate is not above 0.
  RateLimiter(const RateLimitOptions& options, const base::Clock& clock);
  ~RateLimiter();

  // Takes one call from the bucket of (tenant, user).
  RateDecision take(const Caller& caller, RateClass rate_class);

  // Counts a bad token from that address. Once too many came, the answer is to be a 429 instead of a 401. Good tokens
  // are never counted or refused: everybody behind one proxy or load balancer has the same address, and nobody there
  // shall be able to lock the others out.
  RateDecision take_failed_token(std::string_view remote);

  std::size_t users_kept() const;

 private:
  struct Shard;
  struct Bucket;
  Shard& shard(std::size_t hash) const;
  RateDecision take_from(Bucket& bucket, const Limit& limit) const;

  RateLimitOptions options_;
  const base::Clock& clock_;
  std::unique_ptr<Shard[]> shards_;
};

// X-RateLimit-Limit, -Remaining and -Reset; nothing when no limit applies.
void add_rate_limit_headers(const RateDecision& decision, Headers& headers);

// For a decision that is not allowed.
base::Error rate_limit_error(const RateDecision& decision);

}  // namespace http
