#pragma once
// Changing the table of items: the writer's prepared statements. All calls come from one thread, inside one SQLite
// transaction that the caller begins and commits. They throw failure(); the caller rolls back.
#include <span>
#include <vector>

#include "store/sqlite_connection.hpp"
#include "store/store.hpp"

namespace store::sqlite {

class Table {
 public:
  explicit Table(Connection& connection);

  // Evaluates every condition first, and changes nothing when one is refused; so transactions that share a commit
  // need no savepoints between them.
  Outcome apply(std::span<const Write> writes, std::int64_t now_s);

  // Deletes up to `limit` items that expired at least an hour's end ago; the number of deleted ones.
  std::int64_t sweep(std::int64_t now_s, std::int64_t limit);

 private:
  // What a write finds under its key; an expired row is there to be overwritten, but does not count.
  struct Found {
    std::int64_t id = 0;  // 0: no row
    bool live = false;
    std::int64_t version = 0;
    Counters counters{};  // read for an Add alone
    bool same_index = false;  // the row's place in the secondary index is the one that a Put wants
    bool indexed = false;
    std::int64_t expiry_hour = 0;  // 0: never
  };
  Found find(const Write& write, std::int64_t now_s);
  void change(const Put& put, const Found& found);
  void change(const Delete& gone, const Found& found);
  void change(const Add& add, const Found& found);
  void change(const Check&, const Found&) {}
  void insert(const Item& item);
  void overwrite(const Item& item, const Found& found);

  Connection& connection_;
  Statement find_;
  Statement find_counters_;
  Statement insert_;
  Statement update_;          // touches no index
  Statement update_indexed_;  // and the columns that indexes are made of
  Statement add_;
  Statement delete_;
  Statement sweep_;
  std::vector<Found> found_;
};

}  // namespace store::sqlite
