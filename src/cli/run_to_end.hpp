#pragma once
// For commands that ask what the service asks in coroutines, and have nothing else to do meanwhile.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "base/async.hpp"

namespace cli {

// Runs `task` on an io_context of its own and returns its result, or throws what it threw.
template <class T>
T run_to_end(base::Task<T> task) {
  boost::asio::io_context io(1);
  std::optional<T> result;
  std::exception_ptr failure;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    failure = error;
    if (!error) result.emplace(std::move(value));
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

}  // namespace cli
