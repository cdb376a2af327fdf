#include "coaching/leased_work.hpp"

#include <boost/asio/post.hpp>

namespace coaching {

void LeasedWork::interrupt(base::Error why) {
  {
    const std::scoped_lock lock(interrupt_mutex_);
    if (interrupted_) return;
    interrupted_ = std::move(why);
  }
  // A signal may only be emitted on the thread that does the work.
  boost::asio::post(
      executor_, [self = shared_from_this()] { self->cancellation_.emit(boost::asio::cancellation_type::terminal); });
}

std::optional<base::Error> LeasedWork::interrupted() const {
  const std::scoped_lock lock(interrupt_mutex_);
  return interrupted_;
}

base::Task<> LeasedWork::stop_renewals() {
  committing = true;
  while (renewing) {
    auto ticket = renewal_done.draw(executor_);
    if (renewing) co_await ticket.wait(base::Milliseconds(10'000));
  }
}

}  // namespace coaching
