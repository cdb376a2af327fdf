#include "store/sqlite_connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <mutex>

#include "store/sqlite_fault.hpp"
#include "store/sqlite_log_buffer.hpp"

namespace store::sqlite {

namespace {

struct Explanation {
  int code;
  std::string_view reason;
  std::string_view advice;
  int retry_after_ms;  // 0: waiting does not help
};

constexpr std::array kExplanations{
    Explanation{SQLITE_FULL, "disk full", "free space on its file system, and the server goes on by itself", 5000},
    Explanation{SQLITE_READONLY, "read-only", "give the server's user the right to write to the file and its folder",
                0},
    Explanation{SQLITE_CORRUPT, kCorrupt, "stop the server and restore the file from a backup", 0},
    Explanation{SQLITE_NOTADB, "not a database", "give another path, or restore the file from a backup", 0},
    Explanation{SQLITE_BUSY, "locked by another process", "end the process that holds it open (a shell, a backup)",
                1000},
    Explanation{SQLITE_LOCKED, "locked by another process", "end the process that holds it open (a shell, a backup)",
                1000},
    Explanation{SQLITE_CANTOPEN, "cannot be opened", "see that its folder exists and the server's user may write there",
                0},
    Explanation{SQLITE_IOERR, "I/O error", "look at the disk and the kernel's log", 5000},
    Explanation{SQLITE_NOMEM, "out of memory", "give the server more memory", 1000},
};
constexpr Explanation kOther{0, "failed", "see the SQLite result code", 0};

const Explanation& explain(int result_code) {
  for (const auto& explanation : kExplanations) {
    if (explanation.code == (result_code & 0xff)) return explanation;
  }
  return kOther;
}

// SQLite's own counters of memory take a global lock at each allocation. Must come before the first connection; when
// another part of the process was first, that changes nothing but speed.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

// Conversations are nobody else's business: SQLite itself would make the file readable to all. The files beside it
// take its mode over.
void make_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
}

}  // namespace

base::Error failure(int result_code, const std::string& path) {
  const auto& explanation = explain(result_code);
  base::Error error(base::Code::dependency_unavailable,
                    fmt::format("The store cannot work with {}: {} (SQLite {}: {}). To put it right: {}.", path,
                                explanation.reason, result_code, sqlite3_errstr(result_code), explanation.advice),
                    {{"reason", explanation.reason}, {"file", path}});
  if (explanation.retry_after_ms > 0) error.retry_after = std::chrono::milliseconds(explanation.retry_after_ms);
  return error;
}

std::string reason_of(const base::Error& error) {
  const auto* details = error.details.if_object();
  const auto* reason = details == nullptr ? nullptr : details->if_contains("reason");
  return reason == nullptr || !reason->is_string() ? error.message : std::string(reason->get_string());
}

Connection::Connection(std::string path, File file) : path_(std::move(path)) {
  configure_once();
  if (file == File::may_be_made) make_private(path_);
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path_.c_str(), &handle_, kFlags, buffered_log_vfs());
  if (result != SQLITE_OK) {
    sqlite3_close(handle_);
    throw failure(result, path_);
  }
}

Connection::~Connection() { sqlite3_close(handle_); }

void Connection::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) throw failure(result, path_);
}

std::int64_t Connection::number(const std::string& sql) {
  std::int64_t number = 0;
  Statement(*this, sql).first([&](const Statement& row) { number = row.number(0); });
  return number;
}

void Connection::roll_back() noexcept {
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool Connection::read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }

int Connection::changes() const { return sqlite3_changes(handle_); }

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection) {
  const int result = sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (result != SQLITE_OK) throw failure(result, connection.path());
}

Statement::~Statement() { sqlite3_finalize(handle_); }

void Statement::run() {
  const Resetting resetting{*this};
  while (step()) {
  }
}

bool Statement::step() {
  const int result = sqlite3_step(handle_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  throw failure(result, connection_.path());
}

void Statement::reset() noexcept { sqlite3_reset(handle_); }

void Statement::bind_one(int index, std::string_view text) {
  // An empty view may hold no pointer, which SQLite would take for NULL.
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(handle_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}
void Statement::bind_one(int index, std::nullptr_t) { sqlite3_bind_null(handle_, index); }
void Statement::bind_one(int index, AfterAllText) { sqlite3_bind_zeroblob(handle_, index, 0); }
void Statement::bind_number(int index, std::int64_t number) { sqlite3_bind_int64(handle_, index, number); }

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(handle_, column); }

std::string_view Statement::text(int column) const {
  const auto* data = sqlite3_column_text(handle_, column);  // before asking for the size, as SQLite demands
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }

}  // namespace store::sqlite
