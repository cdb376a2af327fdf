#include "base/parallel.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <deque>

#include "base/spawn.hpp"

namespace base {
namespace {

struct Running {
  explicit Running(const boost::asio::any_io_executor& executor)
      : ended(executor, boost::asio::steady_timer::time_point::max()) {}
  boost::asio::steady_timer ended;
  std::deque<boost::asio::cancellation_signal> signals;
  std::size_t left = 0;
  std::exception_ptr failure;
};

Task<> run_one(Task<> task, std::shared_ptr<Running> running) {
  try {
    co_await std::move(task);
  } catch (...) {
    if (!running->failure) running->failure = std::current_exception();
  }
  if (--running->left == 0) running->ended.cancel();
}

}  // namespace

Task<> run_all(std::vector<Task<>> tasks) {
  const auto executor = co_await boost::asio::this_coro::executor;
  // A cancellation must not end this coroutine before those that refer to what its caller has.
  const bool throwing = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  const auto running = std::make_shared<Running>(executor);
  running->left = tasks.size();
  for (auto& task : tasks) {
    auto& signal = running->signals.emplace_back();
    spawn_cancellable(executor, run_one(std::move(task), running), signal, running);
  }
  const auto cancelled = co_await boost::asio::this_coro::cancellation_state;
  boost::system::error_code ended;
  while (running->left > 0) {
    co_await running->ended.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
    if (cancelled.cancelled() == boost::asio::cancellation_type::none) continue;
    for (auto& signal : running->signals) signal.emit(boost::asio::cancellation_type::terminal);
  }
  co_await boost::asio::this_coro::throw_if_cancelled(throwing);
  if (running->failure) std::rethrow_exception(running->failure);
  if (throwing && cancelled.cancelled() != boost::asio::cancellation_type::none) {
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  }
}

}  // namespace base
