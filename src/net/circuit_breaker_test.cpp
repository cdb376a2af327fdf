#include "net/circuit_breaker.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace net {
namespace {

using namespace std::chrono_literals;

struct CircuitBreakerTest : testing::Test {
  base::FakeClock clock;
  CircuitBreaker breaker{{.failures = 3, .failure_rate = 0.5, .least_calls = 10, .window = 10s, .rest = 5s}, clock};

  void fail(int times) {
    for (int i = 0; i < times; ++i) breaker.enter().value().failed();
  }
  void succeed(int times) {
    for (int i = 0; i < times; ++i) breaker.enter().value().succeeded();
  }
};

TEST_F(CircuitBreakerTest, OpensAfterSomeFailuresInARow) {
  fail(2);
  succeed(1);
  fail(2);
  EXPECT_EQ(breaker.state(), CircuitState::closed);
  fail(1);
  EXPECT_EQ(breaker.state(), CircuitState::open);
  EXPECT_FALSE(breaker.enter());
  EXPECT_EQ(breaker.rest_left(), 5s);
}

TEST_F(CircuitBreakerTest, OpensWhenHalfOfTheCallsFail) {
  for (int i = 0; i < 4; ++i) {
    fail(1);
    succeed(1);
  }
  succeed(1);
  EXPECT_EQ(breaker.state(), CircuitState::closed);  // nine calls: too few to judge
  fail(1);
  EXPECT_EQ(breaker.state(), CircuitState::open);
}

TEST_F(CircuitBreakerTest, ForgetsWhatLiesBehindTheWindow) {
  for (int i = 0; i < 4; ++i) {
    fail(1);
    succeed(1);
  }
  succeed(1);
  clock.advance(11s);
  fail(1);
  EXPECT_EQ(breaker.state(), CircuitState::closed);
}

TEST_F(CircuitBreakerTest, LetsOneCallTryAfterItsRest) {
  fail(3);
  clock.advance(4999ms);
  EXPECT_FALSE(breaker.enter());
  clock.advance(1ms);
  EXPECT_EQ(breaker.rest_left(), 0s);
  auto probe = breaker.enter();
  ASSERT_TRUE(probe);
  EXPECT_EQ(breaker.state(), CircuitState::half_open);
  EXPECT_FALSE(breaker.enter());
  probe->succeeded();
  EXPECT_EQ(breaker.state(), CircuitState::closed);
  fail(2);  // and counts from nothing again
  EXPECT_EQ(breaker.state(), CircuitState::closed);
}

TEST_F(CircuitBreakerTest, RestsAgainWhenTheTryFails) {
  fail(3);
  clock.advance(5s);
  breaker.enter().value().failed();
  EXPECT_EQ(breaker.state(), CircuitState::open);
  EXPECT_EQ(breaker.rest_left(), 5s);
}

TEST_F(CircuitBreakerTest, LetsTheNextOneTryWhenTheTryWasCancelled) {
  fail(3);
  clock.advance(5s);
  {
    const auto cancelled = breaker.enter();
  }
  EXPECT_TRUE(breaker.enter());
}

TEST_F(CircuitBreakerTest, DoesNotListenToCallsFromBeforeItOpened) {
  auto early_success = breaker.enter();
  auto early_failure = breaker.enter();
  fail(3);
  early_success->succeeded();
  EXPECT_EQ(breaker.state(), CircuitState::open);
  clock.advance(5s);
  const auto probe = breaker.enter();
  early_failure->failed();
  EXPECT_EQ(breaker.state(), CircuitState::half_open);
}

TEST_F(CircuitBreakerTest, CountsACancelledCallAsNeither) {
  fail(2);
  {
    const auto cancelled = breaker.enter();
  }
  EXPECT_EQ(breaker.state(), CircuitState::closed);
  fail(1);
  EXPECT_EQ(breaker.state(), CircuitState::open);
}

TEST_F(CircuitBreakerTest, LetsExactlyOneOfManyThreadsTry) {
  fail(3);
  clock.advance(5s);
  std::atomic<int> tried{0};
  std::atomic<int> arrived{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto permit = breaker.enter();
      tried += permit.has_value();
      ++arrived;
      while (arrived < 4) std::this_thread::yield();  // nobody gives a permit back before all have asked
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(tried, 1);
}

}  // namespace
}  // namespace net
