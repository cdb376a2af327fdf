#pragma once
// Checkpoints copy the write-ahead log into the database file. They take milliseconds and would make the slowest
// commits, so they run on a thread of their own, beside the writer. Under constant load that alone never reaches the
// log's end, and the log would grow for ever: so once it is long, the writer is asked to copy the last few pages
// itself between two groups, after which it begins the log anew.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/sqlite.hpp"
#include "store/sqlite_connection.hpp"
#include "store/sqlite_fault.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace store::sqlite {

class Checkpoints {
 public:
  Checkpoints(const SqliteOptions& options, telemetry::Registry& metrics, telemetry::Log& log, Fault& fault);
  ~Checkpoints();  // ends the one that is running

  // From the writer, after each commit: how many pages the log holds now.
  void log_has(std::int64_t pages);

  // From the writer, between two commits: whether to call finish() now, and that.
  bool writer_should_finish() const { return finish_wanted_.load(std::memory_order_relaxed); }
  void finish(Connection& writer) noexcept;

 private:
  void run();
  bool copy(Connection& connection) noexcept;  // all that can be copied without waiting; false when that failed

  const SqliteOptions& options_;
  telemetry::Histogram& seconds_;
  telemetry::Gauge& log_pages_;
  telemetry::Log& log_;
  Fault& fault_;
  Connection connection_;
  std::atomic<bool> finish_wanted_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::int64_t pages_ = 0;   // in the log
  std::int64_t copied_ = 0;  // of these, by the last checkpoint
  bool wanted_ = false;
  bool closing_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace store::sqlite
