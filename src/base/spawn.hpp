#pragma once
// Starting a coroutine that can be cancelled.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "base/async.hpp"

namespace base {

// Runs `task` on `executor`; emitting `signal`, on that executor's thread, cancels it. What it throws is dropped. Asio
// still touches the signal when the coroutine's own frame and arguments are gone, so `owner`, which holds the signal, is
// kept until the executor has come round once more.
template <class Owner>
void spawn_cancellable(boost::asio::any_io_executor executor, Task<> task, boost::asio::cancellation_signal& signal,
                       std::shared_ptr<Owner> owner) {
  auto keep = [executor, owner = std::move(owner)](const std::exception_ptr&) {
    boost::asio::post(executor, [owner] {});
  };
  boost::asio::co_spawn(executor, std::move(task), boost::asio::bind_cancellation_slot(signal.slot(), std::move(keep)));
}

}  // namespace base
