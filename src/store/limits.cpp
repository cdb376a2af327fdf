#include "store/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/error.hpp"
#include "base/text.hpp"

namespace store {

namespace {

constexpr std::size_t kMaxPartitionBytes = 2048;
constexpr std::size_t kMaxSortBytes = 1024;
constexpr std::size_t kMaxPage = 1000;
constexpr std::size_t kMaxKeys = 100;

[[noreturn]] void breach(std::string text) { throw base::Error(base::Code::internal_error, std::move(text)); }

void check_part(std::string_view part, std::size_t max_bytes, std::string_view name) {
  if (part.empty() || part.size() > max_bytes) {
    breach(fmt::format("A {} key must have 1 to {} bytes, not {}.", name, max_bytes, part.size()));
  }
  if (!base::is_utf8(part)) breach(fmt::format("A {} key must be UTF-8.", name));
}

std::size_t bytes_of_item(const Item& item) {
  const auto index = item.index ? item.index->partition.size() + item.index->sort.size() : 0;
  return item.key.partition.size() + item.key.sort.size() + index + item.body.size();
}

void check_write(const Write& write) {
  check_key(key_of(write));
  if (condition_of(write).kind == Condition::Kind::at_most && !std::holds_alternative<Add>(write)) {
    breach("The condition at_most is for Add only.");
  }
  if (const auto* put = std::get_if<Put>(&write)) {
    if (put->item.index) check_key(*put->item.index);
    const auto bytes = bytes_of_item(put->item);
    if (bytes > kMaxItemBytes) breach(fmt::format("An item may have {} bytes, not {}.", kMaxItemBytes, bytes));
  }
}

void check_distinct(std::span<const Write> writes) {
  constexpr std::size_t kFew = 8;  // comparing all pairs is faster than sorting, and allocates nothing
  if (writes.size() <= kFew) {
    for (std::size_t i = 1; i < writes.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (key_of(writes[i]) == key_of(writes[j])) breach("A transaction has two writes on one key.");
      }
    }
    return;
  }
  std::vector<const Key*> keys;
  for (const auto& write : writes) keys.push_back(&key_of(write));
  const auto parts = [](const Key* key) { return std::tie(key->partition, key->sort); };
  std::ranges::sort(keys, {}, parts);
  if (std::ranges::adjacent_find(keys, {}, parts) != keys.end()) breach("A transaction has two writes on one key.");
}

}  // namespace

const Key& key_of(const Write& write) {
  return std::visit(
      [](const auto& kind) -> const Key& {
        if constexpr (requires { kind.item; }) {
          return kind.item.key;
        } else {
          return kind.key;
        }
      },
      write);
}

const Condition& condition_of(const Write& write) {
  return std::visit([](const auto& kind) -> const Condition& { return kind.when; }, write);
}

std::size_t bytes_of(const Write& write) {
  if (const auto* put = std::get_if<Put>(&write)) return bytes_of_item(put->item);
  const auto& key = key_of(write);
  return key.partition.size() + key.sort.size();
}

void check_key(const Key& key) {
  check_part(key.partition, kMaxPartitionBytes, "partition");
  check_part(key.sort, kMaxSortBytes, "sort");
}

void check_query(const Query& query) {
  check_part(query.partition, kMaxPartitionBytes, "partition");
  if (query.limit < 1 || query.limit > kMaxPage) {
    breach(fmt::format("A query's limit must be 1 to {}, not {}.", kMaxPage, query.limit));
  }
}

void check_keys(std::span<const Key> keys) {
  if (keys.size() > kMaxKeys) breach(fmt::format("{} keys at once are too many: at most {}.", keys.size(), kMaxKeys));
  for (const auto& key : keys) check_key(key);
}

void check_writes(std::span<const Write> writes) {
  if (writes.empty() || writes.size() > kMaxWrites) {
    breach(fmt::format("A transaction must have 1 to {} writes, not {}.", kMaxWrites, writes.size()));
  }
  for (const auto& write : writes) check_write(write);
  check_distinct(writes);
}

bool expired(std::int64_t expires_at_s, std::int64_t now_s) { return expires_at_s != 0 && expires_at_s <= now_s; }

}  // namespace store
