#pragma once
// The last failure, kept for the health check until a trial write succeeds. Damage to the file does not heal.
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace store::sqlite {

inline constexpr std::string_view kCorrupt = "corrupt";

// Any thread.
class Fault {
 public:
  void set(std::string reason) {
    const std::lock_guard lock(mutex_);
    if (reason_ != kCorrupt) reason_ = std::move(reason);
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
