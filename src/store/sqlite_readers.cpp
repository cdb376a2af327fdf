#include "store/sqlite_readers.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>

#include "store/limits.hpp"
#include "store/sqlite_counters.hpp"

namespace store::sqlite {

namespace {

constexpr std::string_view kColumns =
    "SELECT partition, sort, version, expires_at, index_partition, index_sort, body, number, more_numbers "
    "FROM items WHERE ";

Item item_from(const Statement& row) {
  Item item{.key = {std::string(row.text(0)), std::string(row.text(1))},
            .version = row.number(2),
            .body = std::string(row.text(6)),
            .counters = counters_from(row, 7),
            .expires_at_s = row.number(3)};
  if (!row.is_null(4)) item.index = Key{std::string(row.text(4)), std::string(row.text(5))};
  return item;
}

// ?1 partition, ?2 first sort key, ?3 first one too many, ?4 now; ?5 limit
std::string range_where(Readers::Order order) {
  const std::string_view prefix = order == Readers::Order::by_index ? "index_" : "";
  return fmt::format("{0}partition = ?1 AND {0}sort >= ?2 AND {0}sort < ?3 AND (expires_at = 0 OR expires_at > ?4)",
                     prefix);
}

std::string range_sql(Readers::Order order, bool descending) {
  const std::string_view direction = descending ? " DESC" : "";
  const auto by = order == Readers::Order::by_key ? fmt::format("sort{0}", direction)
                                                  : fmt::format("index_sort{0}, partition{0}, sort{0}", direction);
  return fmt::format("{}{} ORDER BY {} LIMIT ?5", kColumns, range_where(order), by);
}

// The bounds of a query with its `after` taken in: from <= sort < to.
struct Range {
  explicit Range(const Query& query) : from(query.from), to(query.to) {
    if (query.after.empty()) return;
    if (query.descending) {
      if (to.empty() || query.after < to) to = query.after;
    } else if (auto next = query.after + '\0'; next > from) {  // the smallest text greater than `after`
      from = std::move(next);
    }
  }
  std::string from;
  std::string to;  // "": no end
};

template <class... More>
Statement& bind_range(Statement& statement, const Query& query, const Range& range, const More&... more) {
  if (range.to.empty()) return statement.bind(query.partition, range.from, AfterAllText{}, more...);
  return statement.bind(query.partition, range.from, range.to, more...);
}

}  // namespace

struct Readers::Reader {
  explicit Reader(const SqliteOptions& options)
      : connection(options.path),
        begin(connection, "BEGIN"),
        end(connection, "COMMIT"),
        get(connection, fmt::format("{}partition = ?1 AND sort = ?2", kColumns)),
        ranges{Statement(connection, range_sql(Order::by_key, false)),
               Statement(connection, range_sql(Order::by_key, true)),
               Statement(connection, range_sql(Order::by_index, false)),
               Statement(connection, range_sql(Order::by_index, true))},
        count(connection, "SELECT count(*) FROM items WHERE " + range_where(Order::by_key)),
        check(connection, "SELECT id FROM items LIMIT 1") {
    connection.execute(fmt::format("PRAGMA query_only=1; PRAGMA cache_size=-{}; PRAGMA busy_timeout={}",
                                   options.reader_cache_bytes / 1024, options.busy_wait.count()));
  }

  std::optional<Item> read(const Key& key, std::int64_t now_s) {
    std::optional<Item> item;
    get.bind(key.partition, key.sort).first([&](const Statement& row) {
      if (!expired(row.number(3), now_s)) item = item_from(row);
    });
    return item;
  }
  Statement& range(Order order, bool descending) {
    return ranges.at((order == Order::by_index ? 2U : 0U) + (descending ? 1U : 0U));
  }

  Connection connection;
  Statement begin;
  Statement end;
  Statement get;
  std::array<Statement, 4> ranges;
  Statement count;
  Statement check;
};

struct Readers::Loan {
  Readers& owner;
  std::unique_ptr<Reader> reader;
  ~Loan() {
    const std::lock_guard lock(owner.mutex_);
    owner.idle_.push_back(std::move(reader));
  }
  Reader* operator->() const { return reader.get(); }
};

Readers::Readers(const SqliteOptions& options) : options_(options) {}

Readers::~Readers() = default;

Readers::Loan Readers::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto reader = std::move(idle_.back());
      idle_.pop_back();
      return Loan{*this, std::move(reader)};
    }
  }
  return Loan{*this, std::make_unique<Reader>(options_)};
}

std::optional<Item> Readers::get(const Key& key, std::int64_t now_s) { return borrow()->read(key, now_s); }

std::vector<Item> Readers::get_many(std::span<const Key> keys, std::int64_t now_s) {
  const auto reader = borrow();
  std::vector<Item> items;
  reader->begin.run();  // one snapshot for all
  try {
    for (const auto& key : keys) {
      if (auto item = reader->read(key, now_s)) items.push_back(std::move(*item));
    }
  } catch (...) {
    reader->connection.roll_back();
    throw;
  }
  reader->end.run();
  return items;
}

Page Readers::query(const Query& query, Order order, std::int64_t now_s) {
  const auto reader = borrow();
  const Range range(query);
  auto& statement = reader->range(order, query.descending);
  Page page;
  bind_range(statement, query, range, now_s, query.limit + 1).each([&](const Statement& row) {
    if (page.items.size() == query.limit) {
      page.more = true;
    } else {
      page.items.push_back(item_from(row));
    }
  });
  return page;
}

std::int64_t Readers::count(const Query& query, std::int64_t now_s) {
  const auto reader = borrow();
  const Range range(Query{.partition = query.partition, .from = query.from, .to = query.to});
  std::int64_t number = 0;
  bind_range(reader->count, query, range, now_s).first([&](const Statement& row) { number = row.number(0); });
  return number;
}

void Readers::check() {
  const auto reader = borrow();
  reader->check.first([](const Statement&) {});
  int moved = 0;
  sqlite3_file_control(reader->connection.handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved == 0) return;
  throw base::Error(
      base::Code::dependency_unavailable,
      fmt::format("The store's file {} was moved or deleted while in use: stop the server and put it back.",
                  options_.path),
      {{"reason", "file moved or deleted"}, {"file", options_.path}});
}

}  // namespace store::sqlite
