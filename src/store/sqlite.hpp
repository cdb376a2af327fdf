#pragma once
// The store in one file of one machine: SQLite in WAL mode, one writer thread that commits all waiting transactions
// together, readers beside it on the threads that ask.
#include <boost/describe.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "store/store.hpp"

namespace telemetry {
class Log;
class Registry;
}  // namespace telemetry

namespace store {

struct SqliteOptions {
  std::string path;                              // the database file; its folder must exist
  std::int64_t queue_transactions = 8192;        // waiting for the writer, at most
  std::int64_t queue_bytes = 64'000'000;         // of items in waiting transactions, at most (one always fits)
  base::Milliseconds queue_wait{2000};           // for a place in a full queue; then dependency_unavailable
  std::int64_t group_transactions = 512;         // committed together, at most
  std::int64_t writer_cache_bytes =
      8'000'000;   // pages kept by the writer, at most; SQLite walks all of them now and then
  std::int64_t reader_cache_bytes = 2'000'000;   // per reading thread; emptied by each commit, so small
  std::int64_t checkpoint_pages = 500;           // new pages in the write-ahead log that begin a checkpoint
  std::int64_t restart_pages = 2'000;            // pages in it that make the writer begin it anew
  base::Milliseconds busy_wait{5000};            // for another process's lock on the file (a backup, a shell)
  base::Milliseconds sweep_interval{60'000};     // between deletions of expired items
  std::int64_t sweep_items = 64;                 // deleted in one go, at most
  std::int64_t max_file_bytes = 0;               // the file grows no further ("disk full"); 0: as the disk allows
};
BOOST_DESCRIBE_STRUCT(SqliteOptions, (),
                      (path, queue_transactions, queue_bytes, queue_wait, group_transactions, writer_cache_bytes,
                       reader_cache_bytes, checkpoint_pages, restart_pages, busy_wait, sweep_interval, sweep_items,
                       max_file_bytes))

// Opens the file, or makes it (mode 0600), brings its schema up to date and locks it against other servers. Throws
// Error{dependency_unavailable} saying what is wrong with the file and what to do.
// The store must be destroyed before the io_contexts that use it; that finishes what is queued. What it was given must
// outlive it.
std::unique_ptr<Store> open_sqlite(SqliteOptions options, const base::Clock& clock, telemetry::Registry& metrics,
                                   telemetry::Log& log);

// To look into the file beside a server that has it open: no lock, nothing is made, brought up to date or written, and
// transact() throws. Throws Error{dependency_unavailable} when there is no such file, or it has another format than this
// program's.
std::unique_ptr<Store> open_sqlite_to_read(SqliteOptions options, const base::Clock& clock);

}  // namespace store
