#pragma once
// The coroutine type that everything waiting returns, and the Asio names used with it.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace base {

namespace asio = boost::asio;

// Runs on the io_context of whoever awaits it; throws base::Error.
template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace base
