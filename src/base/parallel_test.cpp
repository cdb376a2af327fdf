#include "base/parallel.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>

#include "base/bell.hpp"
#include "base/error.hpp"
#include "base/spawn.hpp"

namespace base {
namespace {

namespace asio = boost::asio;

class RunAll : public testing::Test {
 protected:
  // Waits for the bell, notes that it came, and fails when it is told to.
  Task<> wait(Bell& bell, std::string name, bool fails = false) {
    started += name;
    auto ticket = bell.draw(io.get_executor());
    co_await ticket.wait(Milliseconds(20'000));
    co_await asio::post(io, asio::use_awaitable);  // throws when it was cancelled
    ended += name;
    if (fails) throw Error(Code::conflict, name);
  }
  std::vector<Task<>> three(bool second_fails = false) {
    std::vector<Task<>> tasks;
    tasks.push_back(wait(bells[0], "a"));
    tasks.push_back(wait(bells[1], "b", second_fails));
    tasks.push_back(wait(bells[2], "c"));
    return tasks;
  }
  void start(std::vector<Task<>> tasks) {
    asio::co_spawn(io, run_all(std::move(tasks)),
                   asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr error) {
                     failure = error;
                     done = true;
                   }));
    settle();
  }
  void settle() {
    io.restart();
    io.poll();
  }
  void ring(std::size_t index) {
    bells.at(index).ring();
    settle();
  }

  asio::io_context io{1};
  std::array<Bell, 3> bells;
  asio::cancellation_signal cancel;
  std::string started;
  std::string ended;
  std::exception_ptr failure;
  bool done = false;
};

TEST_F(RunAll, StartsAllAndEndsWithTheLast) {
  start(three());
  EXPECT_EQ(started, "abc");
  ring(2);
  ring(0);
  EXPECT_FALSE(done);
  ring(1);
  EXPECT_TRUE(done);
  EXPECT_EQ(ended, "cab");
  EXPECT_FALSE(failure);
}

TEST_F(RunAll, WaitsForTheOthersWhenOneFails) {
  start(three(true));
  ring(1);
  EXPECT_FALSE(done);
  ring(0);
  ring(2);
  EXPECT_TRUE(done);
  EXPECT_THROW(std::rethrow_exception(failure), Error);
}

TEST_F(RunAll, CancelsAllWhenItIsCancelled) {
  start(three());
  cancel.emit(asio::cancellation_type::terminal);
  settle();
  EXPECT_TRUE(done);
  EXPECT_EQ(ended, "");
  EXPECT_THROW(std::rethrow_exception(failure), boost::system::system_error);
}

TEST_F(RunAll, OfNothingIsDoneAtOnce) {
  start({});
  EXPECT_TRUE(done);
  EXPECT_FALSE(failure);
}

}  // namespace
}  // namespace base
