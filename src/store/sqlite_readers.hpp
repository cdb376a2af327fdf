#pragma once
// Reading beside the writer: each call borrows a connection, so as many are open as threads ever read at once. A read
// is synchronous and takes microseconds from the page cache; it sees everything committed before it began.
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "store/sqlite.hpp"
#include "store/sqlite_connection.hpp"

namespace store::sqlite {

class Readers {
 public:
  explicit Readers(const SqliteOptions& options);
  ~Readers();

  // Any thread. They throw failure().
  std::optional<Item> get(const Key& key, std::int64_t now_s);
  std::vector<Item> get_many(std::span<const Key> keys, std::int64_t now_s);
  enum class Order { by_key, by_index };
  Page query(const Query& query, Order order, std::int64_t now_s);
  std::int64_t count(const Query& query, std::int64_t now_s);
  void check();  // throws when the file cannot be read, or is no longer where it was

 private:
  struct Reader;
  struct Loan;
  Loan borrow();

  const SqliteOptions& options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Reader>> idle_;
};

}  // namespace store::sqlite
