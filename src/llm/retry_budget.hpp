#pragma once
// How many retries a model may get, so that they cannot double its load when it has trouble: a tenth of its calls, and a
// few more a minute for a model that is seldom called (https://finagle.github.io/blog/2016/02/08/retry-budgets/).
#include <algorithm>
#include <mutex>

#include "base/clock.hpp"

namespace llm {

// Any thread.
class RetryBudget {
 public:
  // `share` of the calls, and `reserve` a minute, which is also the most that is saved up.
  RetryBudget(double share, double reserve, const base::Clock& clock)
      : share_(share), reserve_(reserve), clock_(clock), saved_(reserve), filled_(clock.now()) {}

  void call() {
    const std::lock_guard lock(mutex_);
    add(share_);
  }

  // False: the budget is spent, do not retry.
  bool take() {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.now();
    const std::chrono::duration<double, std::ratio<60>> minutes = now - filled_;
    filled_ = now;
    add(std::max(minutes.count(), 0.0) * reserve_);
    if (saved_ < 1) return false;
    saved_ -= 1;
    return true;
  }

 private:
  void add(double retries) { saved_ = std::min(saved_ + retries, std::max(reserve_, 1.0)); }

  const double share_;
  const double reserve_;
  const base::Clock& clock_;
  std::mutex mutex_;
  double saved_;
  base::Time filled_;
};

}  // namespace llm
