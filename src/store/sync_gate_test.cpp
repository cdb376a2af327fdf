#include "store/sync_gate_test.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace store {

SyncGate& SyncGate::instance() {
  static SyncGate gate;
  return gate;
}

void SyncGate::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void SyncGate::open() {
  const std::lock_guard lock(mutex_);
  closed_ = false;
  changed_.notify_all();
}

void SyncGate::await_waiting() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return waiting_ > 0; });
}

void SyncGate::fail(bool failing) {
  const std::lock_guard lock(mutex_);
  failing_ = failing;
}

int SyncGate::count() {
  const std::lock_guard lock(mutex_);
  return count_;
}

int SyncGate::sync(int file) {
  {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !closed_; });
    --waiting_;
    if (failing_) {
      errno = EIO;
      return -1;
    }
    ++count_;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}

}  // namespace store

// SQLite is linked statically, so its calls come here.
extern "C" int fdatasync(int file) { return store::SyncGate::instance().sync(file); }
