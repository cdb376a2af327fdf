#pragma once
// Inside the server: one connection, from its first byte to its last. Included by server.cpp only.
#include <poll.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cmath>

#include "http/request_parser.hpp"
#include "http/wire.hpp"
#include "http/worker.hpp"
#include "telemetry/tracer.hpp"

namespace http {

inline constexpr std::size_t kJoinedBytes = 16 * 1024;  // bodies up to this go out in one piece with the head
inline constexpr base::Milliseconds kLinger{2'000};
inline constexpr std::size_t kLingerBytes = 16u << 20;
inline constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

// Bytes received and not yet parsed. Holds no memory while empty and released.
class ReadBuffer {
 public:
  static constexpr std::size_t kSmall = 4096;
  static constexpr std::size_t kLarge = 32 * 1024;

  std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t count) { begin_ += count; }
  // Room for the next read: at least one byte, unless `limit` bytes are waiting already.
  asio::mutable_buffer room(std::size_t limit);
  void commit(std::size_t count) { end_ += count; }
  void append(std::string_view bytes);
  void shrink();   // after a large body: back to a small buffer
  void release();  // holds no more memory than what waits needs

 private:
  void move_to(std::size_t capacity);

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// One more of something for as long as this lives.
class Counted {
 public:
  explicit Counted(telemetry::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~Counted() { gauge_.add(-1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  telemetry::Gauge& gauge_;
};

// Whether the peer closed its side, also behind bytes that nobody has read yet.
inline bool has_left(int descriptor) {
  pollfd asked{descriptor, POLLRDHUP, 0};
  return ::poll(&asked, 1, 0) > 0;
}

// The type of what was thrown; its text only where it cannot hold what people said.
void log_unknown(telemetry::Log& log, std::string_view request_id, std::exception_ptr failure);

template <class Stream>
class Session final : public Connection {
 public:
  Session(Worker& worker, Stream stream, std::string remote);
  ~Session() override;

  base::Task<> run();
  void interrupt() override;
  void close() override;

 private:
  static constexpr bool kPlain = std::is_same_v<Stream, Socket>;
  class Writer;

  Socket& socket();
  void arm(base::Milliseconds timeout);
  void disarm() { deadline = Steady::time_point::max(); }
  // False when the connection is at its end. Throws base::Error for a request that cannot be taken.
  base::Task<bool> read_request();
  base::Task<bool> more_input(std::size_t limit);
  base::Task<bool> send_continue();
  base::Task<bool> serve_one();  // false: the connection ends
  base::Task<Response> answer();
  Response refuse(const base::Error& error);
  Response refuse_unknown(std::exception_ptr failure);
  template <class Buffers>
  base::Task<bool> write(Buffers buffers);
  Head head_for(const Response& response, Framing framing);
  base::Task<bool> send(const Response& response);
  base::Task<bool> stream(Response& response);
  base::Task<> run_stream(const Response& response, Writer& writer, bool& whole);
  base::Task<> watch_client();
  base::Task<> say_goodbye();
  void choose_id();
  void begin_span();
  void end_span(const Response& response, std::string_view method);
  void report(const Response& response, bool streamed);

  Worker& worker_;
  Shared& shared_;
  Stream stream_;
  ReadBuffer input_;
  RequestParser parser_;
  Request request_;
  std::string output_;
  Steady::time_point began_;
  telemetry::Span span_;
  std::uint64_t bytes_in_ = 0;   // of this request
  std::uint64_t bytes_out_ = 0;  // of this response
  bool keep_alive_ = true;
  bool gone_ = false;  // the client left, or the connection is of no more use
};

// Chunks of a streamed answer; as they are for HTTP/1.0.
template <class Stream>
class Session<Stream>::Writer final : public StreamWriter {
 public:
  Writer(Session& session, bool chunked) : session_(session), chunked_(chunked) {}

  base::Task<bool> write(std::string bytes) override {
    if (session_.gone_) co_return false;
    if (bytes.empty()) co_return true;
    if (!chunked_) co_return co_await session_.write(std::array{asio::const_buffer(asio::buffer(bytes))});
    std::array<char, 20> size;
    auto* end = std::to_chars(size.data(), size.data() + 16, bytes.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    bytes += "\r\n";
    co_return co_await session_.write(
        std::array{asio::const_buffer(size.data(), static_cast<std::size_t>(end - size.data())),
                   asio::const_buffer(asio::buffer(bytes))});
  }

  base::Task<bool> finish() {
    if (session_.gone_) co_return false;
    if (!chunked_) co_return true;
    co_return co_await session_.write(std::array{asio::const_buffer("0\r\n\r\n", 5)});
  }

 private:
  Session& session_;
  bool chunked_;
};

template <class Stream>
Session<Stream>::Session(Worker& worker, Stream stream, std::string remote)
    : worker_(worker),
      shared_(worker.shared),
      stream_(std::move(stream)),
      parser_(static_cast<std::size_t>(shared_.options.max_header_bytes),
              static_cast<std::size_t>(shared_.options.max_body_bytes)) {
  request_.remote = std::move(remote);
  request_.client_left = [this] { return has_left(socket().native_handle()); };
  shared_.open_connections.add(1);
}

template <class Stream>
Session<Stream>::~Session() {
  shared_.open_connections.add(-1);
  --shared_.open;
  if (!shared_.draining) return;
  const std::scoped_lock lock(shared_.mutex);
  shared_.closed.notify_all();
}

template <class Stream>
Socket& Session<Stream>::socket() {
  if constexpr (kPlain) {
    return stream_;
  } else {
    return stream_.next_layer();
  }
}

template <class Stream>
void Session<Stream>::interrupt() {
  boost::system::error_code ignored;
  socket().cancel(ignored);
}

template <class Stream>
void Session<Stream>::close() {
  gone_ = true;
  boost::system::error_code ignored;
  socket().close(ignored);
}

template <class Stream>
void Session<Stream>::arm(base::Milliseconds timeout) {
  deadline = timeout.count() > 0 ? Steady::now() + timeout : Steady::time_point::max();
}

template <class Stream>
base::Task<> Session<Stream>::run() {
  if constexpr (!kPlain) {
    arm(shared_.options.header_timeout);
    const auto [failed] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kNoThrow);
    if (failed) co_return;
  }
  while (co_await serve_one()) {
  }
  if (!gone_) co_await say_goodbye();
}

template <class Stream>
base::Task<bool> Session<Stream>::more_input(std::size_t limit) {
  const auto room = input_.room(limit);
  if (room.size() == 0) throw base::Error(base::Code::bad_request, "a line of the chunked body is too long");
  const auto [failed, count] = co_await stream_.async_read_some(room, kNoThrow);
  if (!failed) {
    input_.commit(count);
    bytes_in_ += count;
    co_return true;
  }
  if (expired && !gone_ && parser_.started()) {
    expired = false;
    throw base::Error(base::Code::bad_request, "the request did not arrive in time; send it again, all at once");
  }
  gone_ = true;
  co_return false;
}

template <class Stream>
base::Task<bool> Session<Stream>::read_request() {
  const auto& options = shared_.options;
  parser_.begin(request_);
  request_.id.clear();
  bytes_in_ = input_.bytes().size();
  const auto header_limit = static_cast<std::size_t>(options.max_header_bytes) + 1;  // so that one byte too many shows
  bool header_armed = false;
  bool body_armed = false;
  bool may_continue = true;
  idle = true;
  if (shared_.draining && input_.bytes().empty()) co_return false;
  arm(options.idle_timeout);
  while (true) {
    input_.consume(parser_.take(input_.bytes()));
    if (parser_.header_done() && !parser_.done()) {
      // One call takes the header, the next the body.
      input_.consume(parser_.take(input_.bytes()));
    }
    if (parser_.done()) break;
    idle = !parser_.started();
    if (parser_.header_done()) {
      if (!std::exchange(body_armed, true)) arm(options.body_timeout);
      if (parser_.expects_continue() && request_.body.empty() && std::exchange(may_continue, false)) {
        if (!co_await send_continue()) co_return false;
      }
    } else if (parser_.started() && !std::exchange(header_armed, true)) {
      arm(options.header_timeout);
    }
    if (idle) input_.shrink();
    if (!co_await more_input(parser_.header_done() ? ReadBuffer::kLarge : header_limit)) co_return false;
  }
  idle = false;
  disarm();
  bytes_in_ -= input_.bytes().size();
  co_return true;
}

template <class Stream>
base::Task<bool> Session<Stream>::send_continue() {
  co_return co_await write(std::array{asio::const_buffer("HTTP/1.1 100 Continue\r\n\r\n", 25)});
}

template <class Stream>
void Session<Stream>::choose_id() {
  const auto given = request_.header("x-request-id");
  if (is_request_id(given)) {
    request_.id.assign(given);
  } else {
    request_.id = shared_.environment.ids.next("req");
  }
}

template <class Stream>
void Session<Stream>::begin_span() {
  auto* tracer = shared_.environment.tracer;
  if (tracer == nullptr) return;
  span_ = tracer->begin(telemetry::SpanKind::server, "-", request_.header("traceparent"), began_);
  request_.trace = span_.trace();
}

template <class Stream>
void Session<Stream>::end_span(const Response& response, std::string_view method) {
  using telemetry::SpanKey;
  if (!span_) return;
  const auto& notes = request_.notes;
  const auto route = notes.route.starts_with('/') ? notes.route : std::string_view();
  const auto shown = method == "OTHER" ? std::string_view("_OTHER") : method;  // as the conventions have it
  span_.set_name(shown, route);
  span_.set(SpanKey::http_request_method, shown);
  if (!route.empty()) span_.set(SpanKey::http_route, route);
  span_.set(SpanKey::http_response_status_code, response.status);
  span_.set(SpanKey::request_id, request_.id);
  if (gone_) span_.set(SpanKey::client_gone, true);
  if (!notes.error.empty()) span_.set(SpanKey::error_type, notes.error);
  if (response.status >= 500)
    span_.fail(notes.error.empty() ? std::to_string(response.status) : std::string(notes.error));
  span_.end();
}

template <class Stream>
base::Task<bool> Session<Stream>::serve_one() {
  std::optional<base::Error> refused;
  try {
    if (!co_await read_request()) co_return false;
  } catch (const base::Error& error) {
    refused.emplace(error);
  }
  idle = false;
  disarm();
  if (refused && !parser_.header_done()) {
    request_.headers.clear();  // half of them are those of the request before
    request_.method = "-";
  }
  began_ = Steady::now();
  bytes_out_ = 0;
  choose_id();
  begin_span();
  const Counted counted(shared_.in_flight);
  keep_alive_ = !refused && parser_.keep_alive();
  Response response;
  if (refused) {
    response = refuse(*refused);
  } else {
    response = co_await answer();
  }
  if (shared_.draining) keep_alive_ = false;
  const bool streamed = static_cast<bool>(response.stream);
  const bool sent = streamed ? co_await stream(response) : co_await send(response);
  report(response, streamed);
  co_return sent&& keep_alive_;
}

template <class Stream>
base::Task<Response> Session<Stream>::answer() {
  try {
    if (shared_.draining) {
      base::Error closing(base::Code::shutting_down, "the server is shutting down; try again in a moment");
      closing.retry_after = std::chrono::seconds(1);
      throw closing;
    }
    parse_target(request_);
    if (auto preflight = shared_.cors.preflight(request_)) {
      request_.notes.route = "(preflight)";
      co_return std::move(*preflight);
    }
    co_return co_await shared_.application.handle(request_);
  } catch (const base::Error& error) {
    co_return refuse(error);
  } catch (...) {
    co_return refuse_unknown(std::current_exception());
  }
}

template <class Stream>
Response Session<Stream>::refuse(const base::Error& error) {
  request_.notes.error = base::to_string(error.code);
  auto response = shared_.application.to_response(error, request_.id);
  if (response.status >= 500) {
    shared_.environment.log.write(
        telemetry::Level::warn, "request_failed",
        {{"request_id", request_.id}, {"error", request_.notes.error}, {"message", error.message}});
  }
  return response;
}

template <class Stream>
Response Session<Stream>::refuse_unknown(std::exception_ptr failure) {
  log_unknown(shared_.environment.log, request_.id, failure);
  const base::Error error(base::Code::internal_error, "something went wrong on our side; tell us the request id");
  request_.notes.error = base::to_string(error.code);
  return shared_.application.to_response(error, request_.id);
}

template <class Stream>
template <class Buffers>
base::Task<bool> Session<Stream>::write(Buffers buffers) {
  if (gone_) co_return false;
  boost::system::error_code failed;
  const auto total = asio::buffer_size(buffers);
  std::size_t sent = 0;
  if constexpr (kPlain) {
    // Nearly every response fits into the socket's buffer: no trip through the reactor then.
    sent = stream_.write_some(buffers, failed);
    if (failed == asio::error::would_block) failed.clear();
  }
  if (!failed && sent < total) {
    for (auto& buffer : buffers) {
      const auto skip = std::min(sent, buffer.size());
      buffer += skip;
      sent -= skip;
    }
    arm(shared_.options.write_timeout);
    const auto result = co_await asio::async_write(stream_, buffers, kNoThrow);
    disarm();
    failed = std::get<0>(result);
  }
  bytes_out_ += total;
  if (failed) gone_ = true;
  co_return !gone_;
}

template <class Stream>
Head Session<Stream>::head_for(const Response& response, Framing framing) {
  const bool old = request_.method != "-" && parser_.is_http_1_0();
  return Head{request_, response, shared_.cors, worker_.date(), framing, keep_alive_, old};
}

template <class Stream>
base::Task<bool> Session<Stream>::send(const Response& response) {
  const bool bodiless = response.status == 204 || response.status == 304;
  output_.clear();
  append_head(output_, head_for(response, bodiless ? Framing::none : Framing::length));
  const bool with_body = !bodiless && request_.method != "HEAD";
  std::string_view rest = with_body ? std::string_view(response.body) : std::string_view();
  if (rest.size() <= kJoinedBytes) {
    output_ += rest;
    rest = {};
  }
  const bool sent = co_await write(
      std::array{asio::const_buffer(asio::buffer(output_)), asio::const_buffer(rest.data(), rest.size())});
  if (output_.capacity() > 4 * kJoinedBytes) output_ = {};
  co_return sent;
}

template <class Stream>
base::Task<bool> Session<Stream>::stream(Response& response) {
  const bool chunked = !parser_.is_http_1_0();
  if (!chunked) keep_alive_ = false;
  output_.clear();
  append_head(output_, head_for(response, chunked ? Framing::chunked : Framing::until_close));
  if (!co_await write(std::array{asio::const_buffer(asio::buffer(output_))})) co_return false;
  if (request_.method == "HEAD") co_return true;
  // Streams are long and many: they hold no buffers.
  std::string().swap(output_);
  std::string().swap(request_.body);
  input_.release();
  const Counted counted(shared_.open_streams);
  Writer writer(*this, chunked);
  bool whole = false;
  try {
    using namespace asio::experimental::awaitable_operators;
    co_await (run_stream(response, writer, whole) || watch_client());
  } catch (...) {
    // Cancelled from outside; `whole` tells.
  }
  if (shared_.draining) keep_alive_ = false;
  if (!whole) {
    close();  // without the last chunk, so that the client can tell
    co_return false;
  }
  co_return co_await writer.finish();
}

// Never throws: what goes wrong inside a stream is logged here, the status is long sent.
template <class Stream>
base::Task<> Session<Stream>::run_stream(const Response& response, Writer& writer, bool& whole) {
  try {
    co_await response.stream(writer);
    whole = true;
  } catch (...) {
    if (!gone_) log_unknown(shared_.environment.log, request_.id, std::current_exception());
  }
}

// Reads beside the stream, because only reading tells that the client left. What it sends meanwhile (the next request)
// is kept, up to a bound.
template <class Stream>
base::Task<> Session<Stream>::watch_client() {
  std::array<char, 128> bytes;
  while (input_.bytes().size() < ReadBuffer::kSmall) {
    const auto [failed, count] = co_await stream_.async_read_some(asio::buffer(bytes), kNoThrow);
    if (failed) {
      if (failed != asio::error::operation_aborted || expired) gone_ = true;
      co_return;
    }
    input_.append({bytes.data(), count});
  }
  asio::steady_timer never(co_await asio::this_coro::executor, Steady::time_point::max());
  co_await never.async_wait(kNoThrow);
}

// Closing with unread bytes in the socket would reset the connection and could take the response with it, so the
// client gets the end of our side first, and a moment to take leave.
template <class Stream>
base::Task<> Session<Stream>::say_goodbye() {
  arm(kLinger);
  boost::system::error_code ignored;
  if constexpr (!kPlain) co_await stream_.async_shutdown(kNoThrow);
  socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  input_.release();
  const auto scratch = std::make_unique<std::array<char, ReadBuffer::kSmall>>();
  for (std::size_t seen = 0; seen < kLingerBytes && !gone_;) {
    const auto [failed, count] = co_await socket().async_read_some(asio::buffer(*scratch), kNoThrow);
    if (failed) co_return;
    seen += count;
  }
}

template <class Stream>
void Session<Stream>::report(const Response& response, bool streamed) {
  const auto took = std::chrono::duration<double>(Steady::now() - began_).count();
  const auto& notes = request_.notes;
  const auto method = known_method(request_.method);
  auto& metrics = worker_.metrics(notes.route, method, response.status);
  metrics.requests.add();
  metrics.duration.observe(took);
  end_span(response, method);
  shared_.environment.log.write(telemetry::Level::info, "request",
                                {{"method", method},
                                 {"route", notes.route},
                                 {"status", response.status},
                                 {"duration_ms", std::round(took * 1e6) / 1e3},
                                 {"bytes_in", bytes_in_},
                                 {"bytes_out", bytes_out_},
                                 {"request_id", request_.id},
                                 telemetry::Field::if_any("trace_id", request_.trace.trace_id()),
                                 {"user_id", notes.user_id},
                                 {"tenant_id", notes.tenant_id},
                                 {"error", notes.error},
                                 {"streamed", streamed},
                                 {"client_gone", gone_}});
}

}  // namespace http
