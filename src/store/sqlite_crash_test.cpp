// A process that is killed in the middle of its work loses nothing it has acknowledged, and leaves no half transaction.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/ids.hpp"
#include "store/contract_test.hpp"
#include "store/sqlite_connection.hpp"
#include "store/sqlite_test.hpp"

namespace store {
namespace {

constexpr int kProducers = 8;
constexpr int kAckDescriptor = 100;
constexpr const char* kPathVariable = "PURPOSEPATH_TEST_STORE";

struct Ack {
  std::int32_t producer = 0;
  std::int32_t number = 0;
};

std::string number_key(int number) { return fmt::format("{:08}", number); }

base::Task<> produce(Store& store, int producer) {
  for (int number = 0;; ++number) {
    std::vector<Write> writes;
    for (const auto* half : {"left", "right"}) {
      auto item = small_item(fmt::format("{} {}", half, producer), number_key(number));
      item.body.assign(700, 'x');
      writes.push_back(Put{.item = std::move(item), .when = Condition::absent()});
    }
    writes.push_back(Put{.item = small_item("last", std::to_string(producer), number), .when = {}});
    const auto outcome = co_await store.transact(std::move(writes));
    if (!outcome.committed()) std::_Exit(2);
    const Ack ack{producer, number};
    if (::write(kAckDescriptor, &ack, sizeof ack) != sizeof ack) std::_Exit(3);
  }
}

// Run by the test below in a process of its own; alone it has nothing to do.
TEST(SqliteCrashChild, DISABLED_WritesUntilItIsKilled) {
  const char* path = std::getenv(kPathVariable);
  if (path == nullptr) GTEST_SKIP();
  const base::SystemClock clock;
  telemetry::Registry metrics;
  telemetry::Log log(STDERR_FILENO, telemetry::Level::error, clock);
  const auto store = open_sqlite({.path = path, .checkpoint_pages = 30, .restart_pages = 90}, clock, metrics, log);
  boost::asio::io_context io;
  for (int producer = 0; producer < kProducers; ++producer) {
    boost::asio::co_spawn(io, produce(*store, producer), [](std::exception_ptr) { std::_Exit(4); });
  }
  io.run();
}

struct Child {
  pid_t process = 0;
  int acks = -1;
};

Child start_child(const std::string& path) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  ::setenv(kPathVariable, path.c_str(), 1);
  const auto process = ::fork();
  if (process == 0) {
    ::dup2(pipe[1], kAckDescriptor);
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::execl("/proc/self/exe", "store_test", "--gtest_also_run_disabled_tests",
            "--gtest_filter=SqliteCrashChild.DISABLED_*", nullptr);
    std::_Exit(5);
  }
  ::unsetenv(kPathVariable);
  ::close(pipe[1]);
  return {process, pipe[0]};
}

// Of each producer, the last acknowledged number; -1: none. Reads until the writer is gone, and kills it after `limit`.
std::vector<int> collect(const Child& child, std::uint64_t limit) {
  std::vector<int> last(kProducers, -1);
  Ack ack;
  for (std::uint64_t acks = 0; ::read(child.acks, &ack, sizeof ack) == sizeof ack; ++acks) {
    last.at(static_cast<std::size_t>(ack.producer)) = ack.number;
    if (acks == limit) ::kill(child.process, SIGKILL);
  }
  ::close(child.acks);
  int status = 0;
  ::waitpid(child.process, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  return last;
}

class SqliteCrash : public ::testing::TestWithParam<int> {};

TEST_P(SqliteCrash, LosesNothingAcknowledgedAndLeavesNoHalfTransaction) {
  base::FakeRandom random(static_cast<std::uint64_t>(GetParam()));
  SqliteSurroundings surroundings;
  const base::SystemClock clock;
  const auto options = surroundings.options();
  const auto acknowledged = collect(start_child(options.path), random.next() % 1500);

  const auto store = surroundings.open(clock, options);
  EXPECT_EQ(sqlite::Connection(options.path)
                .number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
            0);
  for (int producer = 0; producer < kProducers; ++producer) {
    const auto stored = wait_for(store->count({.partition = fmt::format("left {}", producer)}));
    EXPECT_EQ(wait_for(store->count({.partition = fmt::format("right {}", producer)})), stored);
    EXPECT_GT(stored, acknowledged[static_cast<std::size_t>(producer)]);
    const auto last = wait_for(store->get({"last", std::to_string(producer)}));
    EXPECT_EQ(last ? last->version : -1, stored - 1);
    if (stored == 0) continue;
    EXPECT_TRUE(wait_for(store->get({fmt::format("right {}", producer), number_key(static_cast<int>(stored) - 1)})));
  }
}

INSTANTIATE_TEST_SUITE_P(KilledAtRandom, SqliteCrash, ::testing::Range(1, 9));

TEST(SqliteProcess, ALivingProcessKeepsOthersOut) {
  SqliteSurroundings surroundings;
  const auto options = surroundings.options();
  const auto child = start_child(options.path);
  Ack ack;
  ASSERT_EQ(::read(child.acks, &ack, sizeof ack), static_cast<ssize_t>(sizeof ack));
  const base::SystemClock clock;
  try {
    surroundings.open(clock, options);
    ADD_FAILURE() << "two processes have one store";
  } catch (const base::Error& error) {
    EXPECT_EQ(sqlite::reason_of(error), "locked by another process");
    EXPECT_NE(error.message.find(fmt::format("process {}", child.process)), std::string::npos) << error.message;
  }
  collect(child, 0);
  EXPECT_NO_THROW(surroundings.open(clock, options));
}

}  // namespace
}  // namespace store
