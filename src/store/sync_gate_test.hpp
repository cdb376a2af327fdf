#pragma once
// Takes the place of the C library's fdatasync() in the test program: counts calls, fails them or holds them up.
#include <condition_variable>
#include <mutex>

namespace store {

class SyncGate {
 public:
  static SyncGate& instance();

  void close();                  // from now on a sync waits …
  void open();                   // … until this
  void await_waiting();          // until one does
  void fail(bool failing);       // with EIO
  int count();                   // of syncs that succeeded
  int sync(int file);            // for fdatasync()

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  bool failing_ = false;
  int waiting_ = 0;
  int count_ = 0;
};

}  // namespace store
