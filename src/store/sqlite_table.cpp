#include "store/sqlite_table.hpp"

#include <limits>

#include "store/limits.hpp"
#include "store/sqlite_counters.hpp"

namespace store::sqlite {

namespace {

bool holds(const Condition& condition, bool live, std::int64_t version, std::int64_t counter) {
  switch (condition.kind) {
    case Condition::Kind::none: return true;
    case Condition::Kind::absent: return !live;
    case Condition::Kind::exists: return live;
    case Condition::Kind::version_is: return live && version == condition.value;
    case Condition::Kind::at_most: return (live ? counter : 0) <= condition.value;
  }
  return false;
}

// The first full hour, counted from 1970, at whose beginning the item has expired; 0: never.
std::int64_t expiry_hour(std::int64_t expires_at_s) {
  constexpr std::int64_t kHour = 3600;
  return expires_at_s <= 0 ? 0 : (expires_at_s - 1) / kHour + 1;
}

std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

Counters saturating_sum(const Counters& a, const Counters& b) {
  Counters sum{};
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = saturating_sum(a[i], b[i]);
  return sum;
}

// Calls bind(hour, index_partition, index_sort) with NULLs for what the item has not, so that no index lists it there.
template <class Bind>
void with_index_columns(const Item& item, Bind bind) {
  const auto hour = expiry_hour(item.expires_at_s);
  const auto with_hour = [&](auto hour_or_null) {
    if (item.index) {
      bind(hour_or_null, item.index->partition, item.index->sort);
    } else {
      bind(hour_or_null, nullptr, nullptr);
    }
  };
  if (hour == 0) {
    with_hour(nullptr);
  } else {
    with_hour(hour);
  }
}

}  // namespace

Table::Table(Connection& connection)
    : connection_(connection),
      find_(connection,
            "SELECT id, version, expires_at, expiry_hour, index_partition, index_sort FROM items "
            "WHERE partition = ?1 AND sort = ?2"),
      find_counters_(connection,
                     "SELECT id, version, expires_at, expiry_hour, index_partition, index_sort, number, more_numbers "
                     "FROM items WHERE partition = ?1 AND sort = ?2"),
      insert_(connection,
              "INSERT INTO items(partition, sort, version, number, more_numbers, expires_at, body, expiry_hour, "
              "index_partition, index_sort) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      update_(connection,
              "UPDATE items SET version = ?2, number = ?3, more_numbers = ?4, expires_at = ?5, body = ?6 "
              "WHERE id = ?1"),
      update_indexed_(connection,
                      "UPDATE items SET version = ?2, number = ?3, more_numbers = ?4, expires_at = ?5, body = ?6, "
                      "expiry_hour = ?7, index_partition = ?8, index_sort = ?9 WHERE id = ?1"),
      add_(connection, "UPDATE items SET number = ?2, more_numbers = ?3 WHERE id = ?1"),
      delete_(connection, "DELETE FROM items WHERE id = ?1"),
      sweep_(connection, "DELETE FROM items WHERE id IN (SELECT id FROM items WHERE expiry_hour <= ?1 LIMIT ?2)") {
  found_.reserve(kMaxWrites);
}

Outcome Table::apply(std::span<const Write> writes, std::int64_t now_s) {
  found_.clear();
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const auto& found = found_.emplace_back(find(writes[i], now_s));
    if (!holds(condition_of(writes[i]), found.live, found.version, found.counters[0])) return Outcome{.refused_by = i};
  }
  for (std::size_t i = 0; i < writes.size(); ++i) {
    std::visit([&](const auto& write) { change(write, found_[i]); }, writes[i]);
  }
  return {};
}

std::int64_t Table::sweep(std::int64_t now_s, std::int64_t limit) {
  sweep_.bind(now_s / 3600, limit).run();
  return connection_.changes();
}

Table::Found Table::find(const Write& write, std::int64_t now_s) {
  const auto& key = key_of(write);
  const auto* put = std::get_if<Put>(&write);
  const bool adds = std::holds_alternative<Add>(write);
  Found found;
  auto& statement = adds ? find_counters_ : find_;
  statement.bind(key.partition, key.sort).first([&](const Statement& row) {
    found.id = row.number(0);
    found.version = row.number(1);
    found.live = !expired(row.number(2), now_s);
    found.expiry_hour = row.number(3);
    found.indexed = !row.is_null(4);
    if (adds) found.counters = counters_from(row, 6);
    if (put == nullptr) return;
    const auto& index = put->item.index;
    found.same_index = index.has_value() == found.indexed &&
                       (!index || (row.text(4) == index->partition && row.text(5) == index->sort));
  });
  return found;
}

void Table::change(const Put& put, const Found& found) {
  if (found.id == 0) {
    insert(put.item);
  } else {
    overwrite(put.item, found);
  }
}

void Table::change(const Delete&, const Found& found) {
  if (found.id != 0) delete_.bind(found.id).run();
}

void Table::change(const Add& add, const Found& found) {
  if (found.live) {
    const auto sum = saturating_sum(found.counters, add.amounts);
    add_.bind(found.id, sum[0], more_numbers(sum)).run();
    return;
  }
  const Item item{.key = add.key, .body = "{}", .counters = add.amounts, .expires_at_s = add.expires_at_s};
  change(Put{.item = item, .when = {}}, found);
}

void Table::insert(const Item& item) {
  const auto more = more_numbers(item.counters);
  with_index_columns(item, [&](auto hour, const auto& partition, const auto& sort) {
    insert_
        .bind(item.key.partition, item.key.sort, item.version, item.counters[0], more, item.expires_at_s, item.body,
              hour, partition, sort)
        .run();
  });
}

void Table::overwrite(const Item& item, const Found& found) {
  const auto more = more_numbers(item.counters);
  if (found.same_index && found.expiry_hour == expiry_hour(item.expires_at_s)) {
    update_.bind(found.id, item.version, item.counters[0], more, item.expires_at_s, item.body).run();
    return;
  }
  with_index_columns(item, [&](auto hour, const auto& partition, const auto& sort) {
    update_indexed_
        .bind(found.id, item.version, item.counters[0], more, item.expires_at_s, item.body, hour, partition, sort)
        .run();
  });
}

}  // namespace store::sqlite
