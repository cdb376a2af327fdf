#pragma once
// The one interface to what is stored: one table of items with a partition key and a sort key, one secondary index,
// conditional transactions. SQLite and DynamoDB implement just this and pass one contract suite
// (store/contract_test.hpp). What a conversation is, is coaching's business; ids and times come from the caller.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/async.hpp"

namespace store {

struct Key {
  std::string partition;  // 1 to 2048 bytes
  std::string sort;       // 1 to 1024 bytes; items of a partition are ordered by its bytes
  bool operator==(const Key&) const = default;
};

// Numbers of an item that Add changes without reading. What each one counts is the caller's business.
using Counters = std::array<std::int64_t, 6>;

struct Item {
  Key key;
  std::int64_t version = 0;           // given by the writer; compared by Condition::version_is
  std::string body;                   // JSON text, at most kMaxItemBytes
  Counters counters{};
  std::optional<Key> index;           // where the secondary index lists this item; without it, nowhere
  std::int64_t expires_at_s = 0;      // Unix seconds after which the item is as good as gone; 0: never
  bool operator==(const Item&) const = default;
};

inline constexpr std::size_t kMaxItemBytes = 400'000;  // DynamoDB: 400 KB with names and keys
inline constexpr std::size_t kMaxWrites = 100;         // DynamoDB: actions in one transaction

struct Condition {
  enum class Kind { none, absent, exists, version_is, at_most };
  Kind kind = Kind::none;
  std::int64_t value = 0;

  static Condition none() { return {}; }
  static Condition absent() { return {Kind::absent, 0}; }
  static Condition exists() { return {Kind::exists, 0}; }
  static Condition version_is(std::int64_t version) { return {Kind::version_is, version}; }
  // Only for Add: the first counter (0 for an absent item) before adding is at most this.
  static Condition at_most(std::int64_t counter) { return {Kind::at_most, counter}; }
};

struct Put {
  Item item;  // replaces the whole item
  Condition when;
};
struct Delete {
  Key key;
  Condition when;
};
// Adds to Item::counters, each its own amount, and leaves everything else; makes the item (version 0, body "{}") when it is absent.
struct Add {
  Key key;
  Counters amounts{};
  Condition when;
  std::int64_t expires_at_s = 0;  // for an item made by this call
};
// Changes nothing; the whole transaction depends on it.
struct Check {
  Key key;
  Condition when;
};
using Write = std::variant<Put, Delete, Add, Check>;

// What became of a transaction: either all of it is durable, or nothing happened and the first refused write is named.
struct Outcome {
  std::optional<std::size_t> refused_by;
  bool committed() const { return !refused_by; }
};

// Items of one partition (or index partition) in the order of the sort key.
struct Query {
  std::string partition;
  std::string from;  // first sort key, inclusive; "" for the beginning
  std::string to;  // first sort key no longer included; "" for the end
  std::string after;  // exclusive: the last sort key of the page before (in either direction); "" for none
  bool descending = false;  // order of the result; `from` stays the lower bound
  std::size_t limit = 100;  // at most this many items; 1 to 1000
};

struct Page {
  std::vector<Item> items;
  bool more = false;  // continue with Query::after = the last item's sort key
};

struct Health {
  bool healthy = true;
  std::string reason;  // for the operator, "" when healthy: "disk full", "read-only", "corrupt", …
};

// All calls may come from any io_context thread, and resume there. They throw Error{dependency_unavailable} when the
// store cannot answer (disk full, read-only, locked, corrupt, network) and nothing was written. An item whose
// expires_at_s has passed is not returned, and counts as absent in conditions.
class Store {
 public:
  virtual ~Store() = default;

  virtual base::Task<std::optional<Item>> get(Key key) = 0;  // reads what was committed before the call
  virtual base::Task<std::vector<Item>> get_many(std::vector<Key> keys) = 0;  // found ones, any order; at most 100
  virtual base::Task<Page> query(Query query) = 0;
  // The index may lag behind on a distributed store; two items of the same index key are ordered by their own key, and
  // `after` continues by index sort key alone, so index sort keys should be unique.
  virtual base::Task<Page> query_index(Query query) = 0;
  virtual base::Task<std::int64_t> count(Query query) = 0;  // limit and after are ignored

  // All or nothing, durable when it returns committed. At most kMaxWrites, no two on one key: else
  // Error{internal_error}. Conditions see the state before the transaction.
  virtual base::Task<Outcome> transact(std::vector<Write> writes) = 0;

  virtual base::Task<Health> health() = 0;  // never throws; touches the store
};

}  // namespace store
