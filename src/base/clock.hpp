#pragma once
// Time comes in from outside, so that every rule about time can be tested without waiting.
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

namespace base {

using Milliseconds = std::chrono::milliseconds;
// UTC, to the millisecond: what is stored and shown.
using Time = std::chrono::sys_time<Milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;  // any thread
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
};

class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start = Time(Milliseconds(1'767'225'600'000))) : now_(start.time_since_epoch().count()) {}
  Time now() const override { return Time(Milliseconds(now_.load())); }
  void advance(Milliseconds by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_;
};

// RFC 3339 in UTC with milliseconds: 2026-11-22T13:14:15.123Z
std::string format_time(Time time);
void append_time(std::string& out, Time time);
// Throws Error{validation_error} for anything but that form (fraction optional, 'Z' or an offset).
Time parse_time(std::string_view text);

}  // namespace base
