#include "llm/lane.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <thread>
#include <vector>

#include "llm/retry_budget.hpp"

namespace llm {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct LaneTest : testing::Test {
  telemetry::Registry registry;
  telemetry::Gauge& in_flight = registry.gauge("in_flight", "x");
  telemetry::Gauge& queued = registry.gauge("queued", "x");
  asio::io_context context{1};
  Lane lane{2, 2, in_flight, queued};
  std::vector<std::string> ended;

  void queue_up(const std::string& name, base::Milliseconds patience = 1h) {
    asio::co_spawn(context, wait(name, patience), asio::detached);
    context.poll();
  }
  base::Task<> wait(std::string name, base::Milliseconds patience) {
    std::string_view why = "has a place";
    const auto place = co_await lane.enter(patience, why);
    ended.push_back(name + ": " + std::string(why));
  }
  void run_until_ended(std::size_t count) {
    while (ended.size() < count) context.run_one();
  }
};

TEST_F(LaneTest, HasSoManyPlaces) {
  auto first = lane.try_enter();
  const auto second = lane.try_enter();
  EXPECT_TRUE(second);
  EXPECT_FALSE(lane.try_enter());
  EXPECT_EQ(in_flight.value(), 2);
  first.reset();
  EXPECT_TRUE(lane.try_enter());
}

TEST_F(LaneTest, WithoutALimitHasPlaceForAll) {
  Lane open(0, 0, in_flight, queued);
  std::vector<Lane::Place> places;
  for (int i = 0; i < 1000; ++i) places.push_back(open.try_enter().value());
  EXPECT_EQ(open.in_flight(), 1000);
}

TEST_F(LaneTest, ServesWhoWaitsInTheirOrder) {
  auto first = lane.try_enter();
  auto second = lane.try_enter();
  queue_up("a");
  queue_up("b");
  EXPECT_EQ(queued.value(), 2);
  first.reset();
  EXPECT_FALSE(lane.try_enter());  // the place is a's already
  run_until_ended(2);  // a gives its place to b when it ends
  EXPECT_EQ(ended, (std::vector<std::string>{"a: has a place", "b: has a place"}));
  second.reset();
  EXPECT_EQ(in_flight.value(), 0);
  EXPECT_EQ(queued.value(), 0);
  EXPECT_EQ(lane.in_flight(), 0);
}

TEST_F(LaneTest, TurnsAwayWhenItsQueueIsFull) {
  const auto first = lane.try_enter();
  const auto second = lane.try_enter();
  queue_up("a", 5ms);
  queue_up("b", 5ms);
  queue_up("c");
  EXPECT_EQ(ended, std::vector<std::string>{"c: queue_full"});
  run_until_ended(3);
}

TEST_F(LaneTest, LetsNobodyWaitLongerThanTheyHavePatience) {
  const auto first = lane.try_enter();
  const auto second = lane.try_enter();
  queue_up("a", 1ms);
  run_until_ended(1);
  EXPECT_EQ(ended, std::vector<std::string>{"a: queue_timeout"});
  EXPECT_EQ(lane.queued(), 0);
  EXPECT_EQ(lane.in_flight(), 2);
}

TEST_F(LaneTest, ACancelledWaiterLeavesTheQueue) {
  const auto first = lane.try_enter();
  const auto second = lane.try_enter();
  asio::cancellation_signal cancel;
  bool cancelled = false;
  asio::co_spawn(context, wait("a", 1h), asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& e) {
                   cancelled = e != nullptr;
                 }));
  context.poll();
  EXPECT_EQ(lane.queued(), 1);
  cancel.emit(asio::cancellation_type::terminal);
  context.run();
  EXPECT_TRUE(cancelled);
  EXPECT_TRUE(ended.empty());
  EXPECT_EQ(lane.queued(), 0);
  EXPECT_EQ(queued.value(), 0);
}

TEST_F(LaneTest, AWaiterThatIsDestroyedLosesNoPlace) {
  auto first = lane.try_enter();
  const auto second = lane.try_enter();
  {
    asio::io_context other(1);
    asio::co_spawn(other, wait("a", 1h), asio::detached);
    other.poll();
    first.reset();  // a has the place and will never know
  }
  EXPECT_EQ(lane.in_flight(), 1);
  EXPECT_TRUE(lane.try_enter());
}

TEST(LaneThreads, NeverLetsMoreInThanItHasPlaces) {
  telemetry::Registry registry;
  Lane lane{3, 1000, registry.gauge("in_flight", "x"), registry.gauge("queued", "x")};
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> served{0};
  const auto use = [&]() -> base::Task<> {
    for (int i = 0; i < 20; ++i) {
      std::string_view why;
      auto place = lane.try_enter();
      if (!place) place = co_await lane.enter(1h, why);
      const int now = ++inside;
      for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
      }
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      --inside;
      ++served;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      asio::io_context context(1);
      for (int j = 0; j < 8; ++j) asio::co_spawn(context, use(), asio::detached);
      context.run();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(served, 4 * 8 * 20);
  EXPECT_LE(most, 3);
  EXPECT_EQ(lane.in_flight(), 0);
}

TEST(RetryBudget, IsAShareOfTheCallsAndALittle) {
  base::FakeClock clock;
  RetryBudget budget(0.1, 2, clock);
  EXPECT_TRUE(budget.take());
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  for (int i = 0; i < 9; ++i) budget.call();
  EXPECT_FALSE(budget.take());
  for (int i = 0; i < 2; ++i) budget.call();
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
}

TEST(RetryBudget, FillsWithTimeUpToItsReserve) {
  base::FakeClock clock;
  RetryBudget budget(0.1, 2, clock);
  while (budget.take()) {
  }
  clock.advance(31s);
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
  clock.advance(10h);
  EXPECT_TRUE(budget.take());
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
}

}  // namespace
}  // namespace llm
