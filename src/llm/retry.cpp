#include "llm/retry.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

namespace llm {
namespace {

using base::Milliseconds;
using std::chrono::steady_clock;

base::Task<void> sleep_for(Milliseconds delay) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, delay);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

// What is left of `total` since `begin`, at least 1 ms; no limit stays no limit.
Milliseconds left_of(Milliseconds total, steady_clock::time_point begin) {
  if (total.count() <= 0) return total;
  const auto gone = std::chrono::duration_cast<Milliseconds>(steady_clock::now() - begin);
  return std::max(total - gone, Milliseconds(1));
}

}  // namespace

base::Task<Reply> with_retry(const RetryOptions& options, base::Random& random, const Timeouts& timeouts,
                             const Sink& sink, const Attempt& attempt, const OnRetry& on_retry) {
  const auto begin = steady_clock::now();
  bool streamed = false;
  const Sink watched = [&](std::string_view text) {
    streamed = true;
    sink(text);
  };
  for (int failures = 1;; ++failures) {
    auto left = timeouts;
    left.total = left_of(timeouts.total, begin);
    std::optional<base::Error> failed;
    try {
      co_return co_await attempt(left, sink ? watched : sink);
    } catch (const base::Error& error) {
      failed = error;
    }
    if (streamed || failures >= options.attempts || !base::retryable(*failed)) throw *failed;
    const auto delay = net::backoff_delay(options.backoff, failures, failed->retry_after, random);
    if (!delay || (timeouts.total.count() > 0 && *delay >= left_of(timeouts.total, begin))) throw *failed;
    if (on_retry) on_retry(*failed, failures, *delay);
    co_await sleep_for(*delay);
  }
}

}  // namespace llm
