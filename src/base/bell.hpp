#pragma once
// A bell that coroutines on any thread can wait for: Asio 1.81 has no condition variable for coroutines.
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <list>
#include <memory>
#include <mutex>

#include "base/async.hpp"
#include "base/clock.hpp"

namespace base {

// ring() wakes everybody who waits at that moment. The waiter checks its own condition before and after: to lose no
// ring it takes a Ticket before the check.
class Bell {
 public:
  class Ticket {
   public:
    // Until the next ring after this ticket was drawn, or the time-out (0: at once). Resumes on the waiter's executor.
    Task<> wait(Milliseconds timeout);

   private:
    friend class Bell;
    std::shared_ptr<boost::asio::steady_timer> timer_;
  };

  Ticket draw(boost::asio::any_io_executor executor);
  void ring();  // any thread

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<boost::asio::steady_timer>> waiting_;
};

}  // namespace base
