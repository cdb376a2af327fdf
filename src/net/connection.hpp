#pragma once
// One connection to a server (or through a proxy), plain or TLS, and the deadline of whatever it waits for at present.
// Owned by the pool or by a lease of it; lives on one io_context thread.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/async.hpp"
#include "net/failure.hpp"
#include "net/response_parser.hpp"

namespace net {

using TimePoint = std::chrono::steady_clock::time_point;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using Transferred = std::tuple<boost::system::error_code, std::size_t>;

class Deadlines;

class Connection {
 public:
  Connection(boost::asio::io_context& context, Deadlines& deadlines);
  ~Connection();
  Connection(const Connection&) = delete;

  // From now on: when `by` passes, the socket is closed, whatever is pending ends with an error, and expired() says so.
  void expect(Stage stage, TimePoint by);
  void expect_nothing() { by_ = TimePoint::max(); }
  bool expired() const { return expired_; }
  Stage stage() const { return stage_; }

  // Does not suspend while the kernel takes the bytes at once. `second` may be empty.
  base::Task<boost::system::error_code> write(std::string_view first, std::string_view second);
  base::Task<Transferred> read_some(boost::asio::mutable_buffer buffer);
  // Reads once and parses it, body bytes to `body`. No error at the orderly end of the response.
  base::Task<boost::system::error_code> receive(std::string& body);
  bool can_be_kept() const { return socket.is_open() && !expired_ && parser.can_be_kept() && input_begin == input_end; }
  void start_over();  // with a new socket, for the next address
  // Whether the peer has closed an idle connection, or sent what nobody asked for: do not use it again.
  bool is_stale();

  Socket socket;
  std::optional<boost::asio::ssl::stream<Socket&>> tls;
  ResponseParser parser;
  std::vector<char> input;  // received, not yet used: [input_begin, input_end)
  std::size_t input_begin = 0;
  std::size_t input_end = 0;
  std::string head;  // scratch for the request's header
  std::string piece;  // the piece of the body handed out last
  TimePoint idle_since{};
  TimePoint sent_at{};  // the last request's last byte

 private:
  friend class Deadlines;
  Deadlines& deadlines_;
  std::size_t place_ = 0;  // in Deadlines
  TimePoint by_ = TimePoint::max();
  Stage stage_ = Stage::connect;
  bool expired_ = false;
};

// One timer for all connections of a thread. It is set anew only when a deadline is earlier than what it is set for;
// otherwise it fires, looks for the earliest deadline left, and sleeps again: a call that is answered costs no timer
// operation at all. While pending it does not keep io_context::run() from returning.
class Deadlines {
 public:
  explicit Deadlines(boost::asio::io_context& context) : context_(context), timer_(context) {}
  void enter(Connection& connection);
  void leave(Connection& connection);
  void ensure_awake_by(TimePoint by);
  // No timer any more: the io_context is going away.
  void shut_down() { timer_.reset(); }
  // Called each time the timer has fired, after the late ones were closed; returns when it wants to be called again.
  std::function<TimePoint(TimePoint now)> on_wake;

 private:
  void wake();

  boost::asio::io_context& context_;
  std::optional<
      boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>>
      timer_;
  TimePoint awake_by_ = TimePoint::max();
  std::vector<Connection*> connections_;
};

}  // namespace net
