#pragma once
// SQLite's C interface with owners and exceptions. A connection and its statements belong to one thread at a time.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace store::sqlite {

// Error{dependency_unavailable} for a result code of SQLite: names the file, says what to do; its details are
// {"reason": …, "file": …}, the reason in the words of Health::reason.
base::Error failure(int result_code, const std::string& path);
std::string reason_of(const base::Error& error);

class Connection {
 public:
  enum class File { must_exist, may_be_made };
  // Reads and writes; a file that is made has mode 0600. Throws failure().
  explicit Connection(std::string path, File file = File::must_exist);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void execute(const std::string& sql);       // any number of statements; rows are thrown away
  std::int64_t number(const std::string& sql);  // the first column of the first row; 0 without a row
  void roll_back() noexcept;                  // the open transaction, if there is one
  bool read_only() const;
  int changes() const;  // rows changed by the last statement
  sqlite3* handle() const { return handle_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
};

// Sorts after every text: the upper end of a range that has none.
struct AfterAllText {};

class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Values for ?1, ?2, … Texts are not copied: they must live until the statement has run.
  template <class... Values>
  Statement& bind(const Values&... values) {
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  void run();
  // Calls read(*this) for each row.
  template <class Read>
  void each(Read read) {
    const Resetting resetting{*this};
    while (step()) read(*this);
  }
  // Calls read(*this) for the first row; false without one.
  template <class Read>
  bool first(Read read) {
    const Resetting resetting{*this};
    if (!step()) return false;
    read(*this);
    return true;
  }

  std::int64_t number(int column) const;
  std::string_view text(int column) const;  // valid until the next row
  bool is_null(int column) const;

 private:
  struct Resetting {
    Statement& statement;
    ~Resetting() { statement.reset(); }
  };
  bool step();
  void reset() noexcept;
  void bind_one(int index, std::string_view text);
  void bind_one(int index, std::nullptr_t);
  template <class Text>
    requires std::is_same_v<Text, std::optional<std::string>>
  void bind_one(int index, const Text& text) {
    if (text) return bind_one(index, std::string_view(*text));
    bind_one(index, nullptr);
  }
  void bind_one(int index, AfterAllText);
  void bind_number(int index, std::int64_t number);
  template <class Integer>
    requires std::is_integral_v<Integer>
  void bind_one(int index, Integer number) {
    bind_number(index, static_cast<std::int64_t>(number));
  }

  Connection& connection_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace store::sqlite
