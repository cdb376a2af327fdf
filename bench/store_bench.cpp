// How many transactions the SQLite store takes, and what one costs: 64 producers on two io_contexts, each putting a
// message and moving its conversation's version on, as a coaching turn does twice.
//   store_bench [FOLDER] [SECONDS] [CONVERSATIONS] [GROUP]
// Runs grouped and one commit each, side by side, or with groups of at most GROUP alone, in FOLDER (default: the current one; must be on a real disk).
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "store/sqlite.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace {

using Steady = std::chrono::steady_clock;

constexpr int kProducers = 64;
constexpr int kThreads = 2;
constexpr std::size_t kBodyBytes = 600;

struct Load {
  int seconds = 3;
  int conversations = 64;  // each producer goes round its share of them
};

struct Producer {
  std::vector<double> milliseconds;  // one for each transaction
};

double seconds_since(Steady::time_point began) { return std::chrono::duration<double>(Steady::now() - began).count(); }

std::string conversation_key(int number) { return fmt::format("conv#conv_01JD3WZZZZZZZZZZZZZZ{:06}", number); }

// Like coaching's: listed by the index while a turn is open, which every second version is.
store::Item conversation_item(int number, std::int64_t version) {
  store::Item item{.key = {conversation_key(number), "conversation"},
                   .version = version,
                   .body = "{\"text\":\"" + std::string(kBodyBytes, 'c') + "\"}"};
  if (version % 2 == 1) item.index = store::Key{"open_turns", fmt::format("{:015}#{:06}", version, number)};
  return item;
}

std::string message_key(std::int64_t sequence) { return fmt::format("msg#{:010}", sequence); }

store::Item message_item(int number, std::int64_t sequence) {
  return {.key = {conversation_key(number), message_key(sequence)},
          .version = 1,
          .body = "{\"text\":\"" + std::string(kBodyBytes, 'm') + "\"}"};
}

base::Task<> produce(store::Store& store, const Load& load, int first, Producer& producer) {
  std::vector<std::int64_t> versions(static_cast<std::size_t>((load.conversations + kProducers - 1) / kProducers), 0);
  const auto began = Steady::now();
  for (std::size_t turn = 0; seconds_since(began) < load.seconds; ++turn) {
    const auto slot = turn % versions.size();
    const int number = first + static_cast<int>(slot) * kProducers;
    auto& version = versions[slot];
    const auto when = version == 0 ? store::Condition::absent() : store::Condition::version_is(version);
    ++version;
    std::vector<store::Write> writes;
    writes.reserve(2);
    writes.push_back(store::Put{.item = conversation_item(number, version), .when = when});
    writes.push_back(store::Put{.item = message_item(number, version), .when = store::Condition::absent()});
    const auto asked = Steady::now();
    const auto outcome = co_await store.transact(std::move(writes));
    producer.milliseconds.push_back(1000 * seconds_since(asked));
    if (!outcome.committed()) throw base::Error(base::Code::internal_error, "a transaction was refused");
  }
}

void end_on_failure(std::exception_ptr failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const base::Error& error) {
    fmt::print(stderr, "{}\n", error.message);
    std::_Exit(1);
  }
}

// On-CPU seconds of the thread of that name, from the scheduler's own count.
double thread_cpu_seconds(const std::string& wanted) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    double nanoseconds = 0;
    if (name == wanted && std::ifstream(task.path() / "schedstat") >> nanoseconds) return nanoseconds / 1e9;
  }
  return 0;
}

double process_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double at(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * share)];
}

void report(std::vector<Producer>& producers, double seconds, double writer_cpu, double checkpoint_cpu,
            double process_cpu) {
  std::vector<double> all;
  for (auto& producer : producers) all.insert(all.end(), producer.milliseconds.begin(), producer.milliseconds.end());
  std::ranges::sort(all);
  const auto number = static_cast<double>(all.size());
  fmt::print(
      "{:10} {:.0f} transactions/s   p50 {:6.2f} ms   p99 {:6.2f} ms   max {:6.1f} ms   "
      "CPU per transaction: writer {:.1f} us, checkpoints {:.1f} us, process {:.1f} us\n",
      "", number / seconds, at(all, 0.5), at(all, 0.99), all.back(), 1e6 * writer_cpu / number,
      1e6 * checkpoint_cpu / number, 1e6 * process_cpu / number);
}

template <class T>
T wait_for(base::Task<T> task) {
  boost::asio::io_context io(1);
  std::optional<T> result;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr failure, T value) {
    end_on_failure(failure);
    result = std::move(value);
  });
  io.run();
  return std::move(*result);
}

base::Task<double> time_reads(store::Store& store, int reads, bool pages) {
  const auto began = Steady::now();
  for (int i = 0; i < reads; ++i) {
    if (pages) {
      store::Query last{.partition = conversation_key(i % kProducers), .from = "msg#", .descending = true, .limit = 20};
      co_await store.query(std::move(last));
    } else {
      store::Key key{conversation_key(i % kProducers), "conversation"};
      co_await store.get(std::move(key));
    }
  }
  co_return 1e6 * seconds_since(began) / reads;
}

void run(std::string_view name, const std::filesystem::path& folder, const Load& load, std::int64_t group) {
  const auto file = folder / fmt::format("store_bench_{}.db", ::getpid());
  const base::SystemClock clock;
  telemetry::Registry metrics;
  telemetry::Log log(STDERR_FILENO, telemetry::Level::error, clock);
  std::vector<Producer> producers(kProducers);
  {
    const auto opening = Steady::now();
    auto store = store::open_sqlite({.path = file.string(), .group_transactions = group}, clock, metrics, log);
    fmt::print("{:10} made and opened in {:.1f} ms\n", name, 1000 * seconds_since(opening));
    const auto began = Steady::now();
    const auto cpu_before = process_cpu_seconds();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        boost::asio::io_context io(1);
        for (int p = t; p < kProducers; p += kThreads) {
          boost::asio::co_spawn(io, produce(*store, load, p, producers[static_cast<std::size_t>(p)]), end_on_failure);
        }
        io.run();
      });
    }
    for (auto& thread : threads) thread.join();
    report(producers, seconds_since(began), thread_cpu_seconds("store-writer"), thread_cpu_seconds("store-check"),
           process_cpu_seconds() - cpu_before);
    fmt::print("{:10} a get takes {:.1f} us, the last 20 messages take {:.1f} us\n", "",
               wait_for(time_reads(*store, 20'000, false)), wait_for(time_reads(*store, 5'000, true)));
  }
  for (const auto* ending : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(file.string() + ending);
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : ".";
  Load load;
  if (argc > 2) load.seconds = std::stoi(argv[2]);
  if (argc > 3) load.conversations = std::stoi(argv[3]);
  if (argc > 4) {
    run(argv[4], folder, load, std::stoi(argv[4]));
    return 0;
  }
  run("grouped", folder, load, store::SqliteOptions{}.group_transactions);
  run("one each", folder, load, 1);
}
