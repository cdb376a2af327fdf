// What the writer does with many transactions at once, with a full queue, at the end, and when left alone.
#include <filesystem>
#include <thread>

#include "store/contract_test.hpp"
#include "store/sqlite_connection.hpp"
#include "store/sqlite_test.hpp"
#include "store/sync_gate_test.hpp"

namespace store {
namespace {

using namespace std::chrono_literals;

struct Result {
  int committed = 0;
  int refused = 0;
  std::vector<base::Error> errors;
};

// Starts one transaction on `io`; what became of it is counted in `result`.
void start(boost::asio::io_context& io, Store& store, Item item, Result& result) {
  std::vector<Write> writes;
  writes.push_back(Put{.item = std::move(item), .when = Condition::absent()});
  boost::asio::co_spawn(io, store.transact(std::move(writes)), [&](std::exception_ptr failure, Outcome outcome) {
    try {
      if (failure) std::rethrow_exception(failure);
      ++(outcome.committed() ? result.committed : result.refused);
    } catch (const base::Error& error) {
      result.errors.push_back(error);
    }
  });
}

class SqliteWriter : public ::testing::Test {
 protected:
  void SetUp() override { store_ = surroundings_.open(clock_, options_); }
  void TearDown() override { SyncGate::instance().open(); }

  // Keeps the writer inside a commit, so that what is started next has to wait.
  void occupy_writer() {
    SyncGate::instance().close();
    start(io_, *store_, small_item("first", "1"), first_);
    io_.poll();
    SyncGate::instance().await_waiting();
  }

  std::int64_t rows() { return sqlite::Connection(options_.path).number("SELECT count(*) FROM items"); }

  SqliteSurroundings surroundings_;
  base::FakeClock clock_;
  SqliteOptions options_ = surroundings_.options();
  boost::asio::io_context io_;
  Result first_;
  std::unique_ptr<Store> store_;
};

TEST_F(SqliteWriter, CommitsWhatIsWaitingWithOneSync) {
  occupy_writer();
  Result result;
  for (int i = 0; i < 50; ++i) start(io_, *store_, small_item("p", std::to_string(i)), result);
  start(io_, *store_, small_item("p", "7"), result);  // sees the one before it in the same group
  io_.poll();
  const int before = SyncGate::instance().count();
  SyncGate::instance().open();
  io_.run();
  EXPECT_EQ(result.committed, 50);
  EXPECT_EQ(result.refused, 1);
  EXPECT_EQ(SyncGate::instance().count() - before, 2);  // the first one's, and one for all others
}

TEST_F(SqliteWriter, ShowsNothingBeforeItIsDurable) {
  occupy_writer();
  EXPECT_EQ(wait_for(store_->get({"first", "1"})), std::nullopt);
  SyncGate::instance().open();
  io_.run();
  EXPECT_TRUE(wait_for(store_->get({"first", "1"})));
}

TEST_F(SqliteWriter, ReportsNothingAsCommittedThatCouldNotBeSynced) {
  occupy_writer();
  Result result;
  for (int i = 0; i < 5; ++i) start(io_, *store_, small_item("p", std::to_string(i)), result);
  io_.poll();
  SyncGate::instance().fail(true);
  SyncGate::instance().open();
  io_.run();
  io_.restart();
  EXPECT_EQ(first_.errors.size(), 1U);
  ASSERT_EQ(result.errors.size(), 5U);
  EXPECT_EQ(result.errors[0].code, base::Code::dependency_unavailable);
  EXPECT_NE(result.errors[0].message.find(options_.path), std::string::npos);
  EXPECT_EQ(wait_for(store_->count({.partition = "p"})), 0);
  EXPECT_EQ(wait_for(store_->health()).reason, "I/O error");
  SyncGate::instance().fail(false);
  EXPECT_TRUE(wait_for(store_->health()).healthy);
  Result again;
  for (int i = 0; i < 5; ++i) start(io_, *store_, small_item("p", std::to_string(i)), again);
  io_.run();
  EXPECT_EQ(again.committed, 5);
  store_.reset();
  EXPECT_EQ(rows(), 5);
}

TEST_F(SqliteWriter, FinishesWhatIsQueuedWhenItIsClosed) {
  occupy_writer();
  Result result;
  for (int i = 0; i < 10; ++i) start(io_, *store_, small_item("p", std::to_string(i)), result);
  io_.poll();
  std::thread closing([&] { store_.reset(); });
  SyncGate::instance().open();
  io_.run();
  closing.join();
  EXPECT_EQ(first_.committed, 1);
  EXPECT_EQ(result.committed, 10);
  EXPECT_EQ(rows(), 11);
}

class SqliteWriterWithASmallQueue : public SqliteWriter {
 protected:
  SqliteWriterWithASmallQueue() {
    options_.queue_transactions = 2;
    options_.queue_wait = 1ms;
  }
};

TEST_F(SqliteWriterWithASmallQueue, RefusesInTimeWhatFindsNoPlace) {
  occupy_writer();
  Result result;
  for (int i = 0; i < 5; ++i) start(io_, *store_, small_item("p", std::to_string(i)), result);
  while (result.errors.size() < 3) io_.run_one();
  for (const auto& error : result.errors) {
    EXPECT_EQ(error.code, base::Code::dependency_unavailable);
    EXPECT_TRUE(error.retry_after.has_value());
    EXPECT_TRUE(base::retryable(error));
  }
  SyncGate::instance().open();
  io_.run();
  EXPECT_EQ(result.committed, 2);
  EXPECT_EQ(result.errors.size(), 3U);
}

class SqliteWriterWithAPatientQueue : public SqliteWriterWithASmallQueue {
 protected:
  SqliteWriterWithAPatientQueue() { options_.queue_wait = 60s; }
};

TEST_F(SqliteWriterWithAPatientQueue, TakesWhatWaitedForAPlace) {
  occupy_writer();
  Result result;
  for (int i = 0; i < 20; ++i) start(io_, *store_, small_item("p", std::to_string(i)), result);
  io_.poll();
  SyncGate::instance().open();
  io_.run();
  EXPECT_EQ(result.committed, 20);
}

class SqliteWriterThatSweeps : public SqliteWriter {
 protected:
  SqliteWriterThatSweeps() {
    options_.sweep_interval = 60s;
    options_.sweep_items = 4;
  }
  void put(std::string sort, std::int64_t expires_at_s) {
    auto item = small_item("p", std::move(sort));
    item.expires_at_s = expires_at_s;
    wait_for(store_->transact({Put{.item = item, .when = {}}}));
  }
};

TEST_F(SqliteWriterThatSweeps, DeletesExpiredItemsAFewAtATime) {
  const auto now_s = clock_.now().time_since_epoch().count() / 1000;
  for (int i = 0; i < 6; ++i) put("short " + std::to_string(i), now_s + 1);
  put("long", now_s + 10 * 3600);
  put("for ever", 0);
  EXPECT_EQ(rows(), 8);
  clock_.advance(2h);
  put("next", 0);  // its commit takes four along
  EXPECT_LE(rows(), 5);
  put("next", 0);
  EXPECT_EQ(rows(), 3);
  EXPECT_EQ(surroundings_.metrics.counter("purposepath_store_swept_items_total", "").value(), 6);
  EXPECT_TRUE(wait_for(store_->get({"p", "long"})));
  EXPECT_TRUE(wait_for(store_->get({"p", "for ever"})));
}

class SqliteWriterWithAShortLog : public SqliteWriter {
 protected:
  SqliteWriterWithAShortLog() {
    options_.checkpoint_pages = 20;
    options_.restart_pages = 60;
  }
};

TEST_F(SqliteWriterWithAShortLog, BeginsItsLogAnewUnderConstantLoad) {
  const auto& pages = surroundings_.metrics.gauge("purposepath_store_log_pages", "");
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  int restarts = 0;
  double before = 0;
  for (int i = 0; restarts < 3 && std::chrono::steady_clock::now() < deadline; ++i) {
    Result result;
    for (int j = 0; j < 4; ++j) start(io_, *store_, small_item("p" + std::to_string(j), std::to_string(i)), result);
    io_.run();
    io_.restart();
    ASSERT_EQ(result.committed, 4);
    if (pages.value() < before) ++restarts;
    before = pages.value();
  }
  EXPECT_EQ(restarts, 3);
}

}  // namespace
}  // namespace store
