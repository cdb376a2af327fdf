#pragma once
// A server for tests that sends whatever bytes the test wants, when it wants, on real sockets of the test's process.
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/async.hpp"

namespace net {

inline auto redirect(boost::system::error_code& failed) {
  return boost::asio::redirect_error(boost::asio::use_awaitable, failed);
}

// The server's end of one connection.
class Peer {
 public:
  explicit Peer(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  base::Task<bool> accept_tls(boost::asio::ssl::context& context) {
    tls_.emplace(socket_, context);
    boost::system::error_code failed;
    co_await tls_->async_handshake(boost::asio::ssl::stream_base::server, redirect(failed));
    co_return !failed;
  }

  // One request, header and body (by Content-Length); "" when the client has closed the connection.
  base::Task<std::string> read_request() {
    std::size_t header_end = 0;
    while ((header_end = received_.find("\r\n\r\n")) == received_.npos) {
      if (!co_await read_more()) co_return "";
    }
    const auto length = received_.find("Content-Length: ");
    const std::size_t body = length < header_end ? std::stoul(received_.substr(length + 16)) : 0;
    while (received_.size() < header_end + 4 + body) {
      if (!co_await read_more()) co_return "";
    }
    auto request = received_.substr(0, header_end + 4 + body);
    received_.erase(0, request.size());
    co_return request;
  }

  base::Task<bool> send(std::string bytes) {
    boost::system::error_code failed;
    if (tls_) {
      co_await boost::asio::async_write(*tls_, boost::asio::buffer(bytes), redirect(failed));
    } else {
      co_await boost::asio::async_write(socket_, boost::asio::buffer(bytes), redirect(failed));
    }
    co_return !failed;
  }

  // Each byte on its own; no_delay makes each a packet.
  base::Task<void> send_byte_by_byte(std::string bytes) {
    socket_.set_option(boost::asio::ip::tcp::no_delay(true));
    for (const char c : bytes) co_await send(std::string(1, c));
  }

  base::Task<void> until_closed() {
    while (co_await read_more()) {
    }
  }

  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  base::Task<bool> read_more() {
    boost::system::error_code failed;
    const auto buffer = boost::asio::buffer(buffer_);
    const auto size = tls_ ? co_await tls_->async_read_some(buffer, redirect(failed))
                           : co_await socket_.async_read_some(buffer, redirect(failed));
    received_.append(buffer_.data(), size);
    co_return !failed;
  }

  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  std::array<char, 16 * 1024> buffer_{};
  std::string received_;
};

// Runs the script once for each connection; the connection is closed when the script returns.
using Script = std::function<base::Task<void>(Peer&)>;

class Impostor {
 public:
  Impostor(boost::asio::io_context& context, Script script)
      : state_(std::make_shared<State>(context, std::move(script))) {
    boost::asio::co_spawn(context, accept(state_), boost::asio::detached);
  }
  ~Impostor() { state_->acceptor.close(); }
  Impostor(const Impostor&) = delete;

  std::uint16_t port() const { return state_->acceptor.local_endpoint().port(); }
  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port()) + std::string(path);
  }
  int connections() const { return state_->connections; }  // so far
  int most_at_once() const { return state_->most; }

 private:
  struct State {
    State(boost::asio::io_context& context, Script s)
        : acceptor(context, {boost::asio::ip::address_v4::loopback(), 0}), script(std::move(s)) {}
    boost::asio::ip::tcp::acceptor acceptor;
    Script script;
    int connections = 0;
    int open = 0;
    int most = 0;
  };

  static base::Task<void> accept(std::shared_ptr<State> state) {
    for (;;) {
      boost::system::error_code failed;
      auto socket =
          co_await state->acceptor.async_accept(boost::asio::redirect_error(boost::asio::use_awaitable, failed));
      if (failed) co_return;
      ++state->connections;
      state->most = std::max(state->most, ++state->open);
      boost::asio::co_spawn(state->acceptor.get_executor(), serve(state, std::move(socket)), boost::asio::detached);
    }
  }
  static base::Task<void> serve(std::shared_ptr<State> state, boost::asio::ip::tcp::socket socket) {
    Peer peer(std::move(socket));
    co_await state->script(peer);
    --state->open;
  }

  std::shared_ptr<State> state_;
};

// Runs the io_context until the task is done; its exception is thrown here. A task that hangs fails the test.
template <class T>
T await(boost::asio::io_context& context, base::Task<T> task) {
  std::optional<std::exception_ptr> done;
  std::optional<std::conditional_t<std::is_void_v<T>, int, T>> result;
  const auto run = [&](base::Task<T> inner) -> base::Task<void> {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(inner);
    } else {
      result.emplace(co_await std::move(inner));
    }
  };
  boost::asio::co_spawn(context, run(std::move(task)), [&](std::exception_ptr failed) { done = failed; });
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  context.restart();
  while (!done && std::chrono::steady_clock::now() < give_up) context.run_one_for(std::chrono::seconds(1));
  if (!done) throw std::runtime_error("the task hangs");
  if (*done) std::rethrow_exception(*done);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

inline std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// Answers every request on every connection with the same bytes.
inline Script always(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) -> base::Task<void> {
    while (!(co_await peer.read_request()).empty()) {
      if (!co_await peer.send(answer)) co_return;
    }
  };
}

}  // namespace net
