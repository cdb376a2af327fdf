#include "store/sqlite.hpp"

#include <fmt/format.h>

#include "store/limits.hpp"
#include "store/sqlite_checkpoints.hpp"
#include "store/sqlite_file_lock.hpp"
#include "store/sqlite_readers.hpp"
#include "store/sqlite_schema.hpp"
#include "store/sqlite_writer.hpp"

namespace store {

namespace {

using sqlite::Checkpoints;
using sqlite::Connection;
using sqlite::Fault;
using sqlite::FileLock;
using sqlite::Readers;
using sqlite::Writer;

constexpr int kPageBytes = 4096;

// The order matters: nothing may be written before check_ours() has recognised the file as ours.
// secure_delete: what a person has deleted must not be found in the file.
std::unique_ptr<Connection> open_for_writing(const SqliteOptions& options) {
  auto connection = std::make_unique<Connection>(options.path, Connection::File::may_be_made);
  connection->execute(
      fmt::format("PRAGMA busy_timeout={}; PRAGMA page_size={}", options.busy_wait.count(), kPageBytes));
  sqlite::check_ours(*connection);
  connection->execute(fmt::format(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_spill=OFF; "
      "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA secure_delete=ON; PRAGMA cache_size=-{}; PRAGMA "
      "journal_size_limit={}",
      options.writer_cache_bytes / 1024, options.restart_pages * kPageBytes));
  if (options.max_file_bytes > 0) {
    connection->execute(fmt::format("PRAGMA max_page_count={}", options.max_file_bytes / kPageBytes));
  }
  sqlite::bring_up_to_date(*connection);
  return connection;
}

std::int64_t seconds_of(const base::Clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count();
}

const SqliteOptions& checked_to_read(const SqliteOptions& options) {
  Connection connection(options.path);
  sqlite::check_ours(connection);
  if (std::cmp_equal(connection.number("PRAGMA user_version"), sqlite::migrations().size())) return options;
  throw base::Error(base::Code::dependency_unavailable,
                    fmt::format("The store's file {} has an older format: start the service once, which brings it up "
                                "to date.",
                                options.path),
                    {{"reason", "older version"}, {"file", options.path}});
}

class SqliteToRead final : public Store {
 public:
  SqliteToRead(SqliteOptions options, const base::Clock& clock)
      : options_(std::move(options)), clock_(clock), readers_(checked_to_read(options_)) {}

  base::Task<std::optional<Item>> get(Key key) override {
    check_key(key);
    co_return readers_.get(key, seconds_of(clock_));
  }
  base::Task<std::vector<Item>> get_many(std::vector<Key> keys) override {
    check_keys(keys);
    co_return readers_.get_many(keys, seconds_of(clock_));
  }
  base::Task<Page> query(Query query) override {
    check_query(query);
    co_return readers_.query(query, Readers::Order::by_key, seconds_of(clock_));
  }
  base::Task<Page> query_index(Query query) override {
    check_query(query);
    co_return readers_.query(query, Readers::Order::by_index, seconds_of(clock_));
  }
  base::Task<std::int64_t> count(Query query) override {
    check_query(query);
    co_return readers_.count(query, seconds_of(clock_));
  }
  base::Task<Outcome> transact(std::vector<Write>) override {
    throw base::Error(base::Code::internal_error, "this store was opened to read");
    co_return Outcome{};
  }
  base::Task<Health> health() override { co_return Health{}; }

 private:
  SqliteOptions options_;
  const base::Clock& clock_;
  Readers readers_;
};

class Sqlite final : public Store {
 public:
  Sqlite(SqliteOptions options, const base::Clock& clock, telemetry::Registry& metrics, telemetry::Log& log)
      : options_(std::move(options)),
        clock_(clock),
        lock_(options_.path),
        connection_(open_for_writing(options_)),
        readers_(options_),
        checkpoints_(options_, metrics, log, fault_),
        writer_(*connection_, options_, clock, metrics, log, fault_, checkpoints_) {}

  base::Task<std::optional<Item>> get(Key key) override {
    check_key(key);
    co_return read([&] { return readers_.get(key, now_s()); });
  }
  base::Task<std::vector<Item>> get_many(std::vector<Key> keys) override {
    check_keys(keys);
    co_return read([&] { return readers_.get_many(keys, now_s()); });
  }
  base::Task<Page> query(Query query) override {
    check_query(query);
    co_return read([&] { return readers_.query(query, Readers::Order::by_key, now_s()); });
  }
  base::Task<Page> query_index(Query query) override {
    check_query(query);
    co_return read([&] { return readers_.query(query, Readers::Order::by_index, now_s()); });
  }
  base::Task<std::int64_t> count(Query query) override {
    check_query(query);
    co_return read([&] { return readers_.count(query, now_s()); });
  }
  base::Task<Outcome> transact(std::vector<Write> writes) override { return writer_.transact(std::move(writes)); }

  base::Task<Health> health() override {
    try {
      readers_.check();
      if (!fault_.reason().empty()) co_await writer_.probe();
      co_return Health{.healthy = fault_.reason().empty(), .reason = fault_.reason()};
    } catch (const base::Error& error) {
      co_return Health{.healthy = false, .reason = sqlite::reason_of(error)};
    }
  }

 private:
  std::int64_t now_s() const { return seconds_of(clock_); }

  // Notes for the health check what only reading found out.
  template <class Read>
  std::invoke_result_t<Read> read(Read read_now) {
    try {
      return read_now();
    } catch (const base::Error& error) {
      if (sqlite::reason_of(error) == sqlite::kCorrupt) fault_.set(std::string(sqlite::kCorrupt));
      throw;
    }
  }

  SqliteOptions options_;
  const base::Clock& clock_;
  FileLock lock_;
  Fault fault_;
  std::unique_ptr<Connection> connection_;
  Readers readers_;
  Checkpoints checkpoints_;
  Writer writer_;
};

}  // namespace

std::unique_ptr<Store> open_sqlite(SqliteOptions options, const base::Clock& clock, telemetry::Registry& metrics,
                                   telemetry::Log& log) {
  return std::make_unique<Sqlite>(std::move(options), clock, metrics, log);
}

std::unique_ptr<Store> open_sqlite_to_read(SqliteOptions options, const base::Clock& clock) {
  return std::make_unique<SqliteToRead>(std::move(options), clock);
}

}  // namespace store
