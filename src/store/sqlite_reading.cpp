// A store's file as the operator's command line reads it, beside the server that holds it.
#include "store/limits.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite_readers.hpp"
#include "store/sqlite_schema.hpp"

namespace store {
namespace {

using sqlite::Connection;
using sqlite::Readers;

class SqliteReading final : public Store {
 public:
  SqliteReading(SqliteOptions options, const base::Clock& clock)
      : options_(std::move(options)), clock_(clock), readers_(options_) {
    Connection connection(options_.path);
    sqlite::check_ours(connection);
    readers_.check();
  }

  base::Task<std::optional<Item>> get(Key key) override {
    check_key(key);
    co_return readers_.get(key, now_s());
  }
  base::Task<std::vector<Item>> get_many(std::vector<Key> keys) override {
    check_keys(keys);
    co_return readers_.get_many(keys, now_s());
  }
  base::Task<Page> query(Query query) override {
    check_query(query);
    co_return readers_.query(query, Readers::Order::by_key, now_s());
  }
  base::Task<Page> query_index(Query query) override {
    check_query(query);
    co_return readers_.query(query, Readers::Order::by_index, now_s());
  }
  base::Task<std::int64_t> count(Query query) override {
    check_query(query);
    co_return readers_.count(query, now_s());
  }
  base::Task<Outcome> transact(std::vector<Write>) override {
    throw base::Error(base::Code::internal_error, "this store was opened for reading alone");
    co_return Outcome{};
  }
  base::Task<Health> health() override { co_return Health{}; }

 private:
  std::int64_t now_s() const {
    return std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  }

  SqliteOptions options_;
  const base::Clock& clock_;
  Readers readers_;
};

}  // namespace

std::unique_ptr<Store> read_sqlite(SqliteOptions options, const base::Clock& clock) {
  return std::make_unique<SqliteReading>(std::move(options), clock);
}

}  // namespace store
