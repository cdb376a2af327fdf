#pragma once
// The last failure to write, kept for the health check until a trial write succeeds.
#include <mutex>
#include <string>

namespace store::sqlite {

// Any thread.
class Fault {
 public:
  void set(std::string reason) {
    const std::lock_guard lock(mutex_);
    reason_ = std::move(reason);
  }
  void clear() { set(""); }
  std::string reason() const {  // "": none
    const std::lock_guard lock(mutex_);
    return reason_;
  }

 private:
  mutable std::mutex mutex_;
  std::string reason_;
};

}  // namespace store::sqlite
