#include "http/rate_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace http {
namespace {

constexpr std::size_t kShards = 16;
constexpr std::size_t kClasses = 3;

std::size_t index_of(RateClass rate_class) { return static_cast<std::size_t>(rate_class) - 1; }

void check(const Limit& limit, std::string_view name) {
  if (limit.burst >= 1 && limit.per_second > 0 && std::isfinite(limit.per_second)) return;
  throw base::Error(base::Code::validation_error,
                    fmt::format("rate_limit.{} needs a burst of at least 1 and a rate above 0; "
                                "to have no limits set rate_limit.enabled to false",
                                name));
}

// The two parts of a key cannot run into each other: neither may hold a control character (see token.cpp).
std::string_view join(const Caller& caller, std::string& room) {
  room.assign(caller.tenant_id);
  room += '\n';
  room += caller.user_id;
  return room;
}

}  // namespace

// `used` calls are gone from the bucket as of `at`; a bucket that was never touched is full.
struct RateLimiter::Bucket {
  double used = 0;
  std::int64_t at_ms = 0;
};

struct alignas(64) RateLimiter::Shard {
  std::mutex mutex;
  Recent<std::array<Bucket, kClasses>> users{0};
  Recent<Bucket> addresses{0};
};

RateLimiter::RateLimiter(const RateLimitOptions& options, const base::Clock& clock)
    : options_(options), clock_(clock), shards_(std::make_unique<Shard[]>(kShards)) {
  check(options.default_, "default");
  check(options.initiate, "initiate");
  check(options.analysis, "analysis");
  check(options.failed_token, "failed_token");
  const auto bound = static_cast<std::size_t>(std::max(options.users, 1)) / kShards + 2;
  for (std::size_t i = 0; i < kShards; ++i) {
    shards_[i].users = Recent<std::array<Bucket, kClasses>>(bound);
    shards_[i].addresses = Recent<Bucket>(std::min<std::size_t>(bound, 1024));
  }
}

RateLimiter::~RateLimiter() = default;

RateLimiter::Shard& RateLimiter::shard(std::size_t hash) const {
  // The upper bits, because the maps inside use the lower ones.
  return shards_[(hash >> 56) % kShards];
}

RateDecision RateLimiter::take(const Caller& caller, RateClass rate_class) {
  if (!options_.enabled || rate_class == RateClass::none) return {};
  const std::array<const Limit*, kClasses> limits{&options_.default_, &options_.initiate, &options_.analysis};
  static thread_local std::string room;
  const auto key = join(caller, room);
  auto& home = shard(std::hash<std::string_view>()(key));
  const std::scoped_lock lock(home.mutex);
  auto* buckets = home.users.find(key);
  if (buckets == nullptr) buckets = &home.users.put(key, {});
  return take_from((*buckets)[index_of(rate_class)], *limits[index_of(rate_class)]);
}

RateDecision RateLimiter::take_failed_token(std::string_view remote) {
  if (!options_.enabled) return {};
  auto& home = shard(std::hash<std::string_view>()(remote));
  const std::scoped_lock lock(home.mutex);
  auto* bucket = home.addresses.find(remote);
  if (bucket == nullptr) bucket = &home.addresses.put(remote, {});
  return take_from(*bucket, options_.failed_token);
}

RateDecision RateLimiter::take_from(Bucket& bucket, const Limit& limit) const {
  const auto now_ms = clock_.now().time_since_epoch().count();
  // A clock that was set back must not keep anybody waiting until it has caught up.
  const auto passed_s = static_cast<double>(std::max<std::int64_t>(now_ms - bucket.at_ms, 0)) / 1000;
  bucket.used = std::max(0.0, bucket.used - passed_s * limit.per_second);
  bucket.at_ms = now_ms;
  RateDecision decision{.limited = true, .allowed = bucket.used + 1 <= limit.burst + 1e-9, .limit = limit.burst};
  if (decision.allowed) {
    bucket.used += 1;
  } else {
    const double wait_s = (bucket.used + 1 - limit.burst) / limit.per_second;
    decision.retry_after = base::Milliseconds(std::max<std::int64_t>(std::llround(std::ceil(wait_s * 1000)), 1));
  }
  decision.remaining = static_cast<int>(std::floor(limit.burst - bucket.used + 1e-9));
  decision.reset_s = std::llround(std::ceil(bucket.used / limit.per_second - 1e-9));
  return decision;
}

std::size_t RateLimiter::users_kept() const {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::scoped_lock lock(shards_[i].mutex);
    kept += shards_[i].users.size();
  }
  return kept;
}

RateClass rate_class_from(std::string_view name) {
  if (name == "none") return RateClass::none;
  if (name == "default") return RateClass::default_;
  if (name == "initiate") return RateClass::initiate;
  if (name == "analysis") return RateClass::analysis;
  throw base::Error(base::Code::internal_error,
                    fmt::format("the contract has x-rate-limit {}; known are none, default, initiate, analysis", name));
}

void add_rate_limit_headers(const RateDecision& decision, Headers& headers) {
  if (!decision.limited) return;
  headers.emplace_back("X-RateLimit-Limit", std::to_string(decision.limit));
  headers.emplace_back("X-RateLimit-Remaining", std::to_string(decision.remaining));
  headers.emplace_back("X-RateLimit-Reset", std::to_string(decision.reset_s));
}

base::Error rate_limit_error(const RateDecision& decision) {
  const auto seconds = std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(decision.retry_after).count(), 1);
  base::Error error(base::Code::rate_limit_exceeded,
                    fmt::format("Too many requests. Try again in {} second{}.", seconds, seconds == 1 ? "" : "s"),
                    base::json::object{{"retry_after_s", seconds}});
  error.retry_after = decision.retry_after;
  return error;
}

}  // namespace http
