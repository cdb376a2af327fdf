#include "http/rate_limit.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace http {
namespace {

using namespace std::chrono_literals;

Caller caller(std::string user, std::string tenant = "bakery") {
  Caller who;
  who.user_id = std::move(user);
  who.tenant_id = std::move(tenant);
  return who;
}

struct RateLimit : testing::Test {
  base::FakeClock clock;
  RateLimitOptions options;
};

TEST_F(RateLimit, AllowsTheBurstAndThenTheRate) {
  RateLimiter limiter(options, clock);
  const auto ines = caller("ines");
  for (int i = 9; i >= 0; --i) {
    const auto decision = limiter.take(ines, RateClass::initiate);
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.limit, 10);
    EXPECT_EQ(decision.remaining, i);
  }
  const auto refused = limiter.take(ines, RateClass::initiate);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 2s);  // at 0.5 a second
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.reset_s, 20);
  clock.advance(1999ms);
  EXPECT_FALSE(limiter.take(ines, RateClass::initiate).allowed);
  clock.advance(1ms);
  EXPECT_TRUE(limiter.take(ines, RateClass::initiate).allowed);
  EXPECT_FALSE(limiter.take(ines, RateClass::initiate).allowed);
}

TEST_F(RateLimit, WaitingForRetryAfterAlwaysSuffices) {
  options.analysis = {.burst = 3, .per_second = 0.7};
  RateLimiter limiter(options, clock);
  const auto ines = caller("ines");
  for (int i = 0; i < 200; ++i) {
    clock.advance(base::Milliseconds(i * 37 % 900));
    const auto decision = limiter.take(ines, RateClass::analysis);
    EXPECT_EQ(decision.allowed, decision.retry_after == 0ms);
    if (decision.allowed) continue;
    clock.advance(decision.retry_after);
    EXPECT_TRUE(limiter.take(ines, RateClass::analysis).allowed);
  }
}

TEST_F(RateLimit, KeepsUsersTenantsAndClassesApart) {
  options.default_ = {.burst = 1, .per_second = 1};
  options.initiate = {.burst = 1, .per_second = 1};
  RateLimiter limiter(options, clock);
  EXPECT_TRUE(limiter.take(caller("ines"), RateClass::default_).allowed);
  EXPECT_FALSE(limiter.take(caller("ines"), RateClass::default_).allowed);
  EXPECT_TRUE(limiter.take(caller("ines"), RateClass::initiate).allowed);
  EXPECT_TRUE(limiter.take(caller("omar"), RateClass::default_).allowed);
  EXPECT_TRUE(limiter.take(caller("ines", "forge"), RateClass::default_).allowed);
}

TEST_F(RateLimit, FillsUpToTheBurstAndNoFurther) {
  options.default_ = {.burst = 2, .per_second = 10};
  RateLimiter limiter(options, clock);
  limiter.take(caller("ines"), RateClass::default_);
  clock.advance(24h);
  EXPECT_EQ(limiter.take(caller("ines"), RateClass::default_).remaining, 1);
  clock.advance(-48h);
  EXPECT_TRUE(limiter.take(caller("ines"), RateClass::default_).allowed);
  EXPECT_FALSE(limiter.take(caller("ines"), RateClass::default_).allowed);
  clock.advance(100ms);
  EXPECT_TRUE(limiter.take(caller("ines"), RateClass::default_).allowed);
}

TEST_F(RateLimit, IsBoundedAndRemembersWhoIsActive) {
  options.users = 1600;
  options.default_ = {.burst = 5000, .per_second = 0.001};
  RateLimiter limiter(options, clock);
  for (int i = 0; i < 20'000; ++i) {
    limiter.take(caller("user" + std::to_string(i)), RateClass::default_);
    if (i % 5 == 0) limiter.take(caller("ines"), RateClass::default_);
  }
  EXPECT_LE(limiter.users_kept(), 1700u);
  EXPECT_EQ(limiter.take(caller("ines"), RateClass::default_).remaining, 5000 - 4001);
}

TEST_F(RateLimit, CountsFailedTokensByAddress) {
  options.failed_token = {.burst = 2, .per_second = 0.1};
  RateLimiter limiter(options, clock);
  EXPECT_TRUE(limiter.take_failed_token("192.0.2.1").allowed);
  EXPECT_TRUE(limiter.take_failed_token("192.0.2.1").allowed);
  EXPECT_EQ(limiter.take_failed_token("192.0.2.1").retry_after, 10s);
  EXPECT_TRUE(limiter.take_failed_token("192.0.2.2").allowed);
}

TEST_F(RateLimit, CanBeOff) {
  options.enabled = false;
  RateLimiter limiter(options, clock);
  Headers headers;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.take(caller("ines"), RateClass::initiate).allowed);
  add_rate_limit_headers(limiter.take(caller("ines"), RateClass::initiate), headers);
  EXPECT_TRUE(headers.empty());
}

TEST_F(RateLimit, SaysSoInHeadersAndError) {
  options.default_ = {.burst = 1, .per_second = 0.4};
  RateLimiter limiter(options, clock);
  Headers headers;
  add_rate_limit_headers(limiter.take(caller("ines"), RateClass::default_), headers);
  EXPECT_EQ(headers, (Headers{{"X-RateLimit-Limit", "1"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "3"}}));
  const auto error = rate_limit_error(limiter.take(caller("ines"), RateClass::default_));
  EXPECT_EQ(error.code, base::Code::rate_limit_exceeded);
  EXPECT_EQ(error.message, "Too many requests. Try again in 3 seconds.");
  EXPECT_EQ(error.retry_after, 2500ms);
  EXPECT_EQ(error.details, (base::json::object{{"retry_after_s", 3}}));
}

TEST_F(RateLimit, RefusesLimitsThatNeverLetAnybodyIn) {
  options.initiate.burst = 0;
  EXPECT_THROW(RateLimiter(options, clock), base::Error);
  options.initiate = {.burst = 1, .per_second = 0};
  EXPECT_THROW(RateLimiter(options, clock), base::Error);
}

TEST_F(RateLimit, CountsEveryCallOfManyThreads) {
  options.default_ = {.burst = 500, .per_second = 1};
  RateLimiter limiter(options, clock);
  std::atomic<int> allowed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) allowed += limiter.take(caller("ines"), RateClass::default_).allowed ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(allowed, 500);
}

TEST(Recent, NeverForgetsTheHalfUsedLast) {
  Recent<int> recent(8);
  for (int i = 0; i < 100; ++i) {
    recent.put(std::to_string(i), i);
    for (int back = 0; back < 4 && back <= i; ++back) {
      const auto* found = recent.find(std::to_string(i - back));
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(*found, i - back);
    }
    EXPECT_LE(recent.size(), 8u);
  }
  recent.erase("99");
  EXPECT_EQ(recent.find("99"), nullptr);
}

}  // namespace
}  // namespace http
