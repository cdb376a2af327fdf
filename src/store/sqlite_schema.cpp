#include "store/sqlite_schema.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>

namespace store::sqlite {

namespace {

constexpr std::array<std::string_view, 2> kMigrations{
    // A rowid table with an index is twice as fast as WITHOUT ROWID: bodies are appended, only keys are sorted in.
    // The body comes last, so that looking at a version does not touch its overflow pages. expiry_hour is when
    // expires_at has passed for certain; it is coarse, so that a lease extended at each turn rarely moves in its index.
    R"sql(
      CREATE TABLE items(
        id INTEGER PRIMARY KEY,
        partition TEXT NOT NULL,
        sort TEXT NOT NULL,
        version INTEGER NOT NULL,
        number INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        expiry_hour INTEGER,
        index_partition TEXT,
        index_sort TEXT,
        body TEXT NOT NULL
      );
      CREATE UNIQUE INDEX items_by_key ON items(partition, sort);
      CREATE INDEX items_by_index ON items(index_partition, index_sort) WHERE index_partition IS NOT NULL;
      CREATE INDEX items_by_expiry ON items(expiry_hour) WHERE expiry_hour IS NOT NULL;
      CREATE TABLE probe(body BLOB NOT NULL);
    )sql",
    // The counters but the first, which is `number`, as a JSON list; NULL while all are zero. One column, because each
    // costs every write of every item.
    R"sql(
      ALTER TABLE items ADD COLUMN more_numbers TEXT;
    )sql",
};

[[noreturn]] void refuse(const Connection& connection, std::string_view reason, const std::string& text) {
  throw base::Error(base::Code::dependency_unavailable,
                    fmt::format("The store cannot work with {}: {}", connection.path(), text),
                    {{"reason", reason}, {"file", connection.path()}});
}

void refuse_foreign(Connection& connection) {
  const auto application = connection.number("PRAGMA application_id");
  if (application == kApplicationId) return;
  const bool empty = application == 0 && connection.number("PRAGMA user_version") == 0 &&
                     connection.number("SELECT count(*) FROM sqlite_schema") == 0;
  if (!empty) refuse(connection, "another application's file", "it belongs to another application. Give another path.");
}

void refuse_newer(Connection& connection, std::int64_t version, std::size_t known) {
  if (version <= static_cast<std::int64_t>(known)) return;
  refuse(connection, "newer version",
         fmt::format("its format is version {}, and this program knows versions up to {}. Use the newer program that "
                     "wrote it, or restore a backup made before the update.",
                     version, known));
}

}  // namespace

std::span<const std::string_view> migrations() { return kMigrations; }

void check_ours(Connection& connection, std::span<const std::string_view> steps) {
  refuse_foreign(connection);
  refuse_newer(connection, connection.number("PRAGMA user_version"), steps.size());
  if (connection.read_only()) throw failure(SQLITE_READONLY, connection.path());
}

void bring_up_to_date(Connection& connection, std::span<const std::string_view> steps) {
  const auto version = connection.number("PRAGMA user_version");
  for (auto next = static_cast<std::size_t>(version); next < steps.size(); ++next) {
    try {
      connection.execute("BEGIN IMMEDIATE");
      connection.execute(std::string(steps[next]));
      connection.execute(
          fmt::format("PRAGMA application_id={}; PRAGMA user_version={}; COMMIT", kApplicationId, next + 1));
    } catch (...) {
      connection.roll_back();
      throw;
    }
  }
}

}  // namespace store::sqlite
