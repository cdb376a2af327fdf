#include "store/sqlite_checkpoints.hpp"

#include <pthread.h>
#include <sqlite3.h>

namespace store::sqlite {

Checkpoints::Checkpoints(const SqliteOptions& options, telemetry::Registry& metrics, telemetry::Log& log, Fault& fault)
    : options_(options),
      seconds_(
          metrics.histogram("purposepath_store_checkpoint_seconds", "Duration of checkpoints of the store's log.")),
      log_pages_(metrics.gauge("purposepath_store_log_pages", "Pages in the store's write-ahead log.")),
      log_(log),
      fault_(fault),
      connection_(options.path),
      thread_([this] { run(); }) {}

Checkpoints::~Checkpoints() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Checkpoints::log_has(std::int64_t pages) {
  log_pages_.set(static_cast<double>(pages));
  const std::lock_guard lock(mutex_);
  if (pages < pages_) copied_ = 0;  // begun anew
  pages_ = pages;
  if (wanted_ || pages - copied_ < options_.checkpoint_pages) return;
  wanted_ = true;
  wake_.notify_one();
}

void Checkpoints::finish(Connection& writer) noexcept {
  finish_wanted_.store(false, std::memory_order_relaxed);
  copy(writer);
}

void Checkpoints::run() {
  pthread_setname_np(pthread_self(), "store-check");
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return wanted_ || closing_; });
    if (closing_) return;
    lock.unlock();
    const bool copied = copy(connection_);
    lock.lock();
    wanted_ = false;
    if (copied && pages_ > options_.restart_pages) finish_wanted_.store(true, std::memory_order_relaxed);
  }
}

bool Checkpoints::copy(Connection& connection) noexcept {
  const auto began = std::chrono::steady_clock::now();
  int pages = 0;
  int copied = 0;
  const int result = sqlite3_wal_checkpoint_v2(connection.handle(), "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
  seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  if (result == SQLITE_OK) {
    const std::lock_guard lock(mutex_);
    copied_ = std::min<std::int64_t>(copied, pages_);
    return true;
  }
  if ((result & 0xff) == SQLITE_BUSY) return false;  // another process is at it
  const auto error = failure(result, options_.path);
  fault_.set(reason_of(error));
  log_.write(telemetry::Level::error, "store_checkpoint_failed", {{"error", error.message}});
  // Without this, each commit would try again at once.
  const std::lock_guard lock(mutex_);
  copied_ = pages_;
  return false;
}

}  // namespace store::sqlite
