#pragma once
// Stops calling a server that fails, and tries it again by one call after a while
// (https://martinfowler.com/bliki/CircuitBreaker.html). One breaker for each server, shared by all threads.
#include <array>
#include <boost/describe.hpp>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.hpp"

namespace net {

struct CircuitBreakerOptions {
  int failures = 5;           // in a row open it; 0 never
  double failure_rate = 0.5;  // of the calls in `window` opens it too, once there were `least_calls`; 0 never
  int least_calls = 20;
  base::Milliseconds window{30'000};
  base::Milliseconds rest{15'000};  // how long it stays open before one call may try
};
BOOST_DESCRIBE_STRUCT(CircuitBreakerOptions, (), (failures, failure_rate, least_calls, window, rest))

// half_open: one call is trying; all others are turned away until its outcome is known.
enum class CircuitState { closed, half_open, open };
BOOST_DESCRIBE_ENUM(CircuitState, closed, half_open, open)

// Any thread; must outlive its permits.
class CircuitBreaker {
 public:
  // The right to make one call. Tell it how the call ended; one that goes without being told (a cancelled call) counts as
  // neither and makes room for the next try.
  class Permit {
   public:
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    void succeeded();
    void failed();

   private:
    friend class CircuitBreaker;
    Permit(CircuitBreaker& breaker, std::uint64_t round) : breaker_(&breaker), round_(round) {}
    CircuitBreaker* breaker_;  // nullptr once it was told
    std::uint64_t round_;
  };

  // `clock` must outlive this.
  CircuitBreaker(const CircuitBreakerOptions& options, const base::Clock& clock) : options_(options), clock_(clock) {}

  std::optional<Permit> enter();  // nullopt: do not call
  CircuitState state() const;
  base::Milliseconds rest_left() const;  // until a call may try again; 0 when one may now

 private:
  enum class Outcome { success, failure, unknown };
  // A slice of the window.
  struct Slice {
    std::int64_t number = -1;
    int calls = 0;
    int failures = 0;
  };
  static constexpr int kSlices = 10;

  void settle(std::uint64_t round, Outcome outcome);
  void count(bool failed);
  bool too_many_failed() const;
  void open();
  std::int64_t slice_now() const;

  const CircuitBreakerOptions options_;
  const base::Clock& clock_;
  mutable std::mutex mutex_;
  CircuitState state_ = CircuitState::closed;
  std::uint64_t round_ = 0;  // grows with each change: what an older round's calls tell no longer matters
  int in_a_row_ = 0;
  base::Time opened_{};
  std::array<Slice, kSlices> slices_;
};

}  // namespace net
