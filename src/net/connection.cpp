#include "net/connection.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

namespace net {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kFirstInput = 1024;  // small: thousands of quiet streams may be open
constexpr std::size_t kComfortableInput = 64 * 1024;  // grown to while a large body comes
constexpr std::size_t kMaxInput = 1024 * 1024;        // far beyond any header we accept

}  // namespace

Connection::Connection(asio::io_context& context, Deadlines& deadlines)
    : socket(context.get_executor()), deadlines_(deadlines) {
  deadlines_.enter(*this);
}

Connection::~Connection() { deadlines_.leave(*this); }

void Connection::expect(Stage stage, TimePoint by) {
  stage_ = stage;
  by_ = by;
  deadlines_.ensure_awake_by(by);
}

base::Task<error_code> Connection::write(std::string_view first, std::string_view second) {
  error_code failed;
  while (first.size() + second.size() > 0) {
    const std::array buffers{asio::buffer(first), asio::buffer(second)};
    std::size_t written = 0;
    if (!tls) written = socket.write_some(buffers, failed);
    if (tls || failed == asio::error::would_block) {
      std::tie(failed, written) = tls ? co_await tls->async_write_some(buffers, asio::as_tuple(asio::use_awaitable))
                                      : co_await socket.async_write_some(buffers, asio::as_tuple(asio::use_awaitable));
    }
    if (failed) co_return failed;
    const auto from_first = std::min(written, first.size());
    first.remove_prefix(from_first);
    second.remove_prefix(written - from_first);
  }
  co_return failed;
}

base::Task<Transferred> Connection::read_some(asio::mutable_buffer buffer) {
  return tls ? tls->async_read_some(buffer, asio::as_tuple(asio::use_awaitable))
             : socket.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
}

base::Task<error_code> Connection::receive(std::string& body) {
  if (input_begin == input_end) input_begin = input_end = 0;
  if (input_end == input.size() && input.size() >= kMaxInput) co_return asio::error::no_buffer_space;
  if (input_end == input.size()) input.resize(std::max(kFirstInput, input.size() * 2));
  error_code failed;
  std::size_t received = 0;
  std::tie(failed, received) = co_await read_some(asio::buffer(input.data() + input_end, input.size() - input_end));
  if (failed == asio::error::eof) {
    parser.parse_end(failed);
    co_return failed;
  }
  if (failed) co_return failed;
  input_end += received;
  const bool was_full = input_end == input.size();
  input_begin += parser.parse({input.data() + input_begin, input_end - input_begin}, body, failed);
  if (input_begin > 0) {  // only a piece of a line can be left over, so this moves little
    std::copy(input.begin() + input_begin, input.begin() + input_end, input.begin());
    input_end -= input_begin;
    input_begin = 0;
  }
  if (was_full && input.size() < kComfortableInput) input.resize(input.size() * 2);
  co_return failed;
}

void Connection::start_over() {
  error_code ignored;
  if (socket.is_open()) socket.close(ignored);
  expired_ = false;
}

bool Connection::is_stale() {
  if (input_begin != input_end) return true;
  pollfd state{.fd = socket.native_handle(), .events = POLLIN | POLLRDHUP, .revents = 0};
  if (poll(&state, 1, 0) <= 0) return false;
  // Bytes on an idle TLS connection may be a session ticket; on a plain one they have no meaning.
  return !tls || (state.revents & ~POLLIN) != 0;
}

void Deadlines::enter(Connection& connection) {
  connection.place_ = connections_.size();
  connections_.push_back(&connection);
}

void Deadlines::leave(Connection& connection) {
  connections_.back()->place_ = connection.place_;
  connections_[connection.place_] = connections_.back();
  connections_.pop_back();
}

void Deadlines::ensure_awake_by(TimePoint by) {
  if (by >= awake_by_ || !timer_) return;
  awake_by_ = by;
  timer_->expires_at(by);
  timer_->async_wait([this](error_code aborted) {
    context_.get_executor().on_work_started();
    if (!aborted) wake();
  });
  context_.get_executor().on_work_finished();
}

void Deadlines::wake() {
  const auto now = std::chrono::steady_clock::now();
  awake_by_ = TimePoint::max();
  auto next = TimePoint::max();
  for (auto* connection : connections_) {
    if (connection->by_ <= now) {
      connection->expired_ = true;
      connection->by_ = TimePoint::max();
      error_code ignored;
      connection->socket.close(ignored);
    }
    next = std::min(next, connection->by_);
  }
  if (on_wake) next = std::min(next, on_wake(now));
  // Streams move their deadlines on all the time: rather late by two milliseconds than awake for each of them.
  if (next != TimePoint::max()) ensure_awake_by(std::max(next, now + 2ms));
}

}  // namespace net
