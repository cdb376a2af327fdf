#include "net/http_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/this_coro.hpp>

#include "base/text.hpp"
#include "net/pool.hpp"

namespace net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

TimePoint after(TimePoint now, base::Milliseconds limit) { return limit.count() <= 0 ? TimePoint::max() : now + limit; }

bool may_repeat(const HttpRequest& request) {
  static constexpr std::array<std::string_view, 5> kIdempotent{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return request.repeatable || std::ranges::find(kIdempotent, request.method) != kIdempotent.end();
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  static constexpr std::string_view kBreaks{"\r\n\0", 3};
  if (value.find_first_of(kBreaks) != value.npos || name.find_first_of(kBreaks) != name.npos) {
    throw base::Error(
        base::Code::validation_error,
        fmt::format("the value for the header {} contains a line break; remove it", base::prefix_bytes(name, 40)));
  }
  out.append(name).append(": ").append(value).append("\r\n");
}

void write_head(std::string& out, const HttpRequest& request, const Url* proxy) {
  out.assign(request.method).append(" ");
  if (proxy != nullptr && !request.url.tls) out.append("http://").append(request.url.authority);
  out.append(request.url.target).append(" HTTP/1.1\r\n");
  append_header(out, "Host", request.url.authority);
  if (proxy != nullptr && !request.url.tls) out.append(proxy_authorization(*proxy));
  bool has_agent = false;
  for (const auto& [name, value] : request.headers) {
    has_agent = has_agent || equal_ignoring_case(name, "User-Agent");
    append_header(out, name, value);
  }
  if (!has_agent) out.append("User-Agent: purposepath/" PURPOSEPATH_VERSION "\r\n");
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    fmt::format_to(std::back_inserter(out), FMT_STRING("Content-Length: {}\r\n"), request.body.size());
  }
  out.append("\r\n");
}

// The deadline of a stage, unless the whole call ends before.
void expect(Connection& connection, Stage stage, TimePoint by, TimePoint total_by) {
  if (total_by < by) {
    connection.expect(Stage::total, total_by);
  } else {
    connection.expect(stage, by);
  }
}

struct Outcome {
  error_code failed;
  Stage stage;
};

// Sends the request and reads up to the end of the header, and what came of the body with it.
base::Task<Outcome> exchange_head(Connection& connection, const HttpRequest& request, const Url* proxy,
                                  ResponseLimits limits, TimePoint total_by) {
  write_head(connection.head, request, proxy);
  expect(connection, Stage::write, after(steady_clock::now(), request.timeouts.first_byte), total_by);
  connection.parser.start(request.method == "HEAD", limits);
  connection.piece.clear();
  if (const auto failed = co_await connection.write(connection.head, request.body))
    co_return Outcome{failed, Stage::write};
  connection.sent_at = steady_clock::now();
  expect(connection, Stage::first_byte, after(connection.sent_at, request.timeouts.first_byte), total_by);
  while (!connection.parser.has_header()) {
    const auto failed = co_await connection.receive(connection.piece);
    if (failed) co_return Outcome{failed, connection.parser.has_started() ? Stage::response : Stage::first_byte};
  }
  co_return Outcome{};
}

ResponseLimits limits_of(const ClientOptions& options, const HttpRequest& request) {
  const auto body = request.max_body_bytes > 0 ? request.max_body_bytes : options.max_body_bytes;
  return {.header_bytes = static_cast<std::size_t>(options.max_header_bytes),
          .body_bytes = static_cast<std::size_t>(body)};
}

// A connection on which the header of the answer has been read. Once a kept connection turns out closed before any
// byte of an answer, the request goes out again on a new one.
base::Task<Pool::Lease> exchange(const std::shared_ptr<Pool>& pool, const HttpRequest& request, TimePoint total_by) {
  const auto limits = limits_of(pool->settings().options, request);
  const auto* proxy = pool->proxy_of(request.url);
  const auto connect_by = std::min(after(steady_clock::now(), request.timeouts.connect), total_by);
  auto lease = pool->try_reuse(request.url);
  if (!lease) lease = co_await pool->lease(request.url, connect_by, true);
  for (;;) {
    const auto outcome = co_await exchange_head(*lease.connection, request, proxy, limits, total_by);
    if (!outcome.failed) co_return lease;
    const bool was_stale = lease.reused && !lease->parser.has_started() && !lease->expired() &&
                           outcome.failed != asio::error::operation_aborted;
    if (!was_stale || !may_repeat(request)) fail(*lease.connection, request.url.origin, outcome.stage, outcome.failed);
    lease = {};
    lease = co_await pool->lease(request.url, std::min(after(steady_clock::now(), request.timeouts.connect), total_by),
                                 false);
  }
}

base::Task<std::shared_ptr<Pool>> pool_here(const std::shared_ptr<const ClientSettings>& settings) {
  const auto executor = co_await asio::this_coro::executor;
  co_return Pool::of(static_cast<asio::io_context&>(asio::query(executor, asio::execution::context)), settings);
}

// Reads on into `body`; with an idle time-out that begins now.
base::Task<void> receive_more(Pool::Lease& lease, std::string& body, base::Milliseconds idle, TimePoint total_by) {
  expect(*lease.connection, Stage::idle, after(steady_clock::now(), idle), total_by);
  if (const auto failed = co_await lease->receive(body))
    fail(*lease.connection, lease.origin_name(), Stage::response, failed);
}

std::shared_ptr<const ClientSettings> make_settings(ClientOptions options, ProxyRules proxies) {
  static std::atomic<std::uint64_t> last_id = 0;
  return std::make_shared<ClientSettings>(std::move(options), std::move(proxies), ++last_id);
}

}  // namespace

struct HttpStream::State {
  Pool::Lease lease;
  TimePoint total_by;
  base::Milliseconds idle;
  bool handed_out = false;  // what came with the header
};

HttpStream::HttpStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpStream::HttpStream(HttpStream&&) noexcept = default;
HttpStream& HttpStream::operator=(HttpStream&&) noexcept = default;
HttpStream::~HttpStream() {
  if (state_ && state_->lease->can_be_kept()) state_->lease.keep();
}

int HttpStream::status() const { return state_->lease->parser.status(); }
const Headers& HttpStream::headers() const { return state_->lease->parser.headers(); }

steady_clock::time_point HttpStream::sent_at() const { return state_->lease->sent_at; }

base::Task<std::string_view> HttpStream::read_some(std::optional<steady_clock::time_point> by) {
  auto& connection = *state_->lease.connection;
  if (!state_->handed_out) {
    state_->handed_out = true;
    if (!connection.piece.empty()) co_return connection.piece;
  }
  connection.piece.clear();
  while (connection.piece.empty() && !connection.parser.is_done()) {
    if (by) {
      expect(connection, Stage::first_byte, *by, state_->total_by);
    } else {
      expect(connection, Stage::idle, after(steady_clock::now(), state_->idle), state_->total_by);
    }
    const auto failed = co_await connection.receive(connection.piece);
    if (failed) fail(connection, state_->lease.origin_name(), Stage::response, failed);
  }
  connection.expect_nothing();  // the caller may take its time
  co_return connection.piece;
}

HttpClient::HttpClient(ClientOptions options, ProxyRules proxies)
    : settings_(make_settings(std::move(options), std::move(proxies))) {}

base::Task<HttpStream> HttpClient::open(const HttpRequest& request) {
  const auto total_by = after(steady_clock::now(), request.timeouts.total);
  const auto pool = co_await pool_here(settings_);
  auto lease = co_await exchange(pool, request, total_by);
  co_return HttpStream(std::make_unique<HttpStream::State>(std::move(lease), total_by, request.timeouts.idle));
}

base::Task<HttpResponse> HttpClient::send(const HttpRequest& request) {
  const auto total_by = after(steady_clock::now(), request.timeouts.total);
  const auto pool = co_await pool_here(settings_);
  auto lease = co_await exchange(pool, request, total_by);
  HttpResponse response;
  response.body = std::move(lease->piece);
  while (!lease->parser.is_done()) co_await receive_more(lease, response.body, request.timeouts.idle, total_by);
  response.status = lease->parser.status();
  response.headers = std::move(lease->parser.headers());
  if (lease->can_be_kept()) lease.keep();
  co_return response;
}

PoolStats HttpClient::stats(asio::io_context& context) const { return Pool::of(context, settings_)->stats(); }

}  // namespace net
