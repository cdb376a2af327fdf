// Several io_contexts at once.
#include <atomic>
#include <boost/asio/detached.hpp>
#include <thread>

#include "store/contract_test.hpp"

namespace store {
namespace {

// Starts make(0), make(1), … spread over io_contexts with a thread each, and waits until all have ended.
template <class Make>
void run_on_threads(int threads, int tasks, Make make) {
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([=] {
      boost::asio::io_context io;
      for (int task = t; task < tasks; task += threads) {
        boost::asio::co_spawn(io, make(task), [](std::exception_ptr failure) {
          if (failure) std::rethrow_exception(failure);  // ends the program: no test expects it
        });
      }
      io.run();
    });
  }
  for (auto& thread : running) thread.join();
}

base::Task<> add_until_refused(Store& store, std::atomic<int>& added) {
  while (true) {
    const auto outcome =
        co_await store.transact({Add{.key = {"c", "n"}, .amounts = {1}, .when = Condition::at_most(199)}});
    if (!outcome.committed()) co_return;
    ++added;
  }
}

TEST_P(StoreContract, CountsExactlyToTheLimitUnderConcurrency) {
  std::atomic<int> added = 0;
  run_on_threads(3, 24, [&](int) { return add_until_refused(store(), added); });
  EXPECT_EQ(added, 200);
  EXPECT_EQ(get({"c", "n"})->counters[0], 200);
}

base::Task<> increase_version(Store& store, int times, std::atomic<int>& done) {
  while (times > 0) {
    auto item = *co_await store.get({"c", "v"});
    const auto before = item.version++;
    std::vector<Write> writes;
    writes.push_back(Put{.item = item, .when = Condition::version_is(before)});
    writes.push_back(Put{.item = small_item("log", std::to_string(item.version)), .when = Condition::absent()});
    const auto outcome = co_await store.transact(std::move(writes));
    if (outcome.committed()) {
      --times;
      ++done;
    } else {
      EXPECT_EQ(outcome.refused_by, 0U);
    }
  }
}

TEST_P(StoreContract, LetsOneOfTheWritersThatReadTheSameVersionWin) {
  transact({Put{.item = small_item("c", "v", 0), .when = {}}});
  std::atomic<int> done = 0;
  run_on_threads(3, 6, [&](int) { return increase_version(store(), 10, done); });
  EXPECT_EQ(done, 60);
  EXPECT_EQ(get({"c", "v"})->version, 60);
  EXPECT_EQ(wait_for(store().count({.partition = "log"})), 60);
}

base::Task<> read_own_writes(Store& store, int task, std::atomic<int>& checked) {
  const auto partition = "w" + std::to_string(task);
  for (int i = 0; i < 20; ++i) {
    const auto sort = std::to_string(100 + i);
    std::vector<Write> writes;
    writes.push_back(Put{.item = small_item(partition, sort), .when = Condition::absent()});
    const auto outcome = co_await store.transact(std::move(writes));
    EXPECT_TRUE(outcome.committed());
    const auto item = co_await store.get({partition, sort});
    EXPECT_TRUE(item.has_value());
    Query all{.partition = partition};
    const auto page = co_await store.query(std::move(all));
    EXPECT_EQ(page.items.size(), static_cast<std::size_t>(i) + 1);
    ++checked;
  }
}

TEST_P(StoreContract, ShowsATransactionToWhoeverWasToldOfIt) {
  std::atomic<int> checked = 0;
  run_on_threads(4, 16, [&](int task) { return read_own_writes(store(), task, checked); });
  EXPECT_EQ(checked, 320);
}

base::Task<> check_pairs(Store& store, std::atomic<bool>& stop) {
  while (!stop) {
    std::vector<Key> keys{{"pair", "a"}, {"pair", "b"}};
    const auto items = co_await store.get_many(std::move(keys));
    EXPECT_TRUE(items.size() == 2 || items.empty());
    if (items.size() == 2) EXPECT_EQ(items[0].version, items[1].version);
  }
}

base::Task<> put_pairs(Store& store, std::atomic<bool>& stop) {
  for (int version = 0; version < 200; ++version) {
    std::vector<Write> writes;
    writes.push_back(Put{.item = small_item("pair", "a", version), .when = {}});
    writes.push_back(Put{.item = small_item("pair", "b", version), .when = {}});
    co_await store.transact(std::move(writes));
  }
  stop = true;
}

TEST_P(StoreContract, ShowsNobodyHalfATransaction) {
  std::atomic<bool> stop = false;
  run_on_threads(2, 2, [&](int task) { return task == 0 ? put_pairs(store(), stop) : check_pairs(store(), stop); });
}

TEST_P(StoreContract, ResumesOnTheThreadThatAsked) {
  run_on_threads(3, 12, [&](int) -> base::Task<> {
    return [](Store& store) -> base::Task<> {
      const auto thread = std::this_thread::get_id();
      for (int i = 0; i < 10; ++i) {
        std::vector<Write> writes;
        writes.push_back(Add{.key = {"t", "n"}, .amounts = {1}});
        co_await store.transact(std::move(writes));
        EXPECT_EQ(std::this_thread::get_id(), thread);
      }
    }(store());
  });
  EXPECT_EQ(get({"t", "n"})->counters[0], 120);
}

}  // namespace
}  // namespace store
