#include "net/circuit_breaker.hpp"

#include <algorithm>
#include <utility>

namespace net {

using base::Milliseconds;

CircuitBreaker::Permit::Permit(Permit&& other) noexcept
    : breaker_(std::exchange(other.breaker_, nullptr)), round_(other.round_) {}

CircuitBreaker::Permit::~Permit() {
  if (breaker_ != nullptr) breaker_->settle(round_, Outcome::unknown);
}

void CircuitBreaker::Permit::succeeded() {
  if (auto* breaker = std::exchange(breaker_, nullptr)) breaker->settle(round_, Outcome::success);
}

void CircuitBreaker::Permit::failed() {
  if (auto* breaker = std::exchange(breaker_, nullptr)) breaker->settle(round_, Outcome::failure);
}

std::optional<CircuitBreaker::Permit> CircuitBreaker::enter() {
  const std::lock_guard lock(mutex_);
  if (state_ == CircuitState::closed) return Permit(*this, round_);
  if (state_ == CircuitState::half_open || clock_.now() - opened_ < options_.rest) return {};
  state_ = CircuitState::half_open;
  return Permit(*this, ++round_);
}

CircuitState CircuitBreaker::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

Milliseconds CircuitBreaker::rest_left() const {
  const std::lock_guard lock(mutex_);
  if (state_ != CircuitState::open) return Milliseconds(0);
  return std::max(options_.rest - (clock_.now() - opened_), Milliseconds(0));
}

void CircuitBreaker::settle(std::uint64_t round, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  if (round != round_) return;
  if (state_ == CircuitState::half_open) {
    if (outcome == Outcome::failure) return open();
    if (outcome == Outcome::unknown) {  // the next caller may try at once
      state_ = CircuitState::open;
      opened_ = clock_.now() - options_.rest;
    } else {
      state_ = CircuitState::closed;
      slices_ = {};
      in_a_row_ = 0;
    }
    ++round_;
    return;
  }
  if (outcome == Outcome::unknown) return;
  const bool failed = outcome == Outcome::failure;
  count(failed);
  if (failed && too_many_failed()) open();
}

void CircuitBreaker::count(bool failed) {
  in_a_row_ = failed ? in_a_row_ + 1 : 0;
  const auto now = slice_now();
  auto& slice = slices_[static_cast<std::size_t>(now % kSlices)];
  if (slice.number != now) slice = {.number = now};
  ++slice.calls;
  if (failed) ++slice.failures;
}

bool CircuitBreaker::too_many_failed() const {
  if (options_.failures > 0 && in_a_row_ >= options_.failures) return true;
  if (options_.failure_rate <= 0) return false;
  const auto now = slice_now();
  int calls = 0;
  int failures = 0;
  for (const auto& slice : slices_) {
    if (slice.number <= now - kSlices) continue;
    calls += slice.calls;
    failures += slice.failures;
  }
  return calls >= options_.least_calls && failures >= options_.failure_rate * calls;
}

void CircuitBreaker::open() {
  state_ = CircuitState::open;
  opened_ = clock_.now();
  ++round_;
}

std::int64_t CircuitBreaker::slice_now() const {
  const auto length = std::max<std::int64_t>(options_.window.count() / kSlices, 1);
  return clock_.now().time_since_epoch().count() / length;
}

}  // namespace net
