#include "base/bell.hpp"

#include <utility>

namespace base {

// The timer is the thing waited on. A ring is posted to the waiter's own thread, so it comes after the wait has begun or
// finds the timer already moved into the past; either way the wait ends.
Task<> Bell::Ticket::wait(Milliseconds timeout) {
  boost::system::error_code ignored;
  if (timer_->expiry() == boost::asio::steady_timer::time_point::max()) timer_->expires_after(timeout);
  co_await timer_->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

Bell::Ticket Bell::draw(boost::asio::any_io_executor executor) {
  Ticket ticket;
  ticket.timer_ = std::make_shared<boost::asio::steady_timer>(executor, boost::asio::steady_timer::time_point::max());
  const std::scoped_lock lock(mutex_);
  std::erase_if(waiting_, [](const auto& timer) { return timer.expired(); });
  waiting_.push_back(ticket.timer_);
  return ticket;
}

void Bell::ring() {
  std::vector<std::weak_ptr<boost::asio::steady_timer>> waiting;
  {
    const std::scoped_lock lock(mutex_);
    waiting.swap(waiting_);
  }
  for (const auto& weak : waiting) {
    const auto timer = weak.lock();
    if (!timer) continue;
    boost::asio::post(timer->get_executor(),
                      [timer] { timer->expires_at(boost::asio::steady_timer::time_point::min()); });
  }
}

}  // namespace base
