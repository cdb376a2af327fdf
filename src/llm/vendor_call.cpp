#include "llm/vendor_call.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/failure.hpp"

namespace llm {
namespace {

using base::Milliseconds;
using base::Task;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kUsageGrace = 2s;   // after the text's end, for the usage
constexpr auto kEndGrace = 50ms;  // after the last event, for the end of the body, so that the connection can be kept
constexpr std::size_t kLongestErrorBody = 64 * 1024;
constexpr Milliseconds kHealthTimeout{2'000};
constexpr Milliseconds kHealthKept{10'000};

net::HttpTimeouts http_timeouts(const Timeouts& timeouts, bool streamed) {
  // Without a stream the whole answer comes at once, as late as it may.
  return {.connect = timeouts.connect,
          .first_byte = streamed ? timeouts.first_token : timeouts.total,
          .idle = timeouts.between_tokens,
          .total = timeouts.total};
}

base::Error failure_of(const VendorCall& call, int status, const net::Headers& headers, std::string_view body) {
  if (call.failure) return call.failure(status, headers, body);
  return from_status(status, headers, body, call.server, call.deps.clock.now());
}

Task<std::string> read_all(net::HttpStream& stream, std::size_t most) {
  std::string body;
  while (body.size() < most) {
    const auto piece = co_await stream.read_some();
    if (piece.empty()) break;
    body += piece;
  }
  co_return body;
}

Task<void> finish_stream(net::HttpStream& stream) {
  try {
    co_await stream.read_some(steady_clock::now() + kEndGrace);
  } catch (const base::Error&) {  // the answer is complete; only the connection is lost
  }
}

// A decoder below knows no models: to it an event that is too large is a failed dependency, as a broken connection is.
// But the same question would get the same answer.
void take_piece(const VendorCall& call, Answer& answer, std::string_view piece) {
  try {
    answer.take_piece(piece);
  } catch (const base::Error& error) {
    if (error.code == base::Code::dependency_unavailable) throw nonsense(call.server, error.message);
    throw;
  }
}

// Ends with the answer complete, or throws. What comes too late after the text's end is done without.
Task<void> read_stream(const VendorCall& call, net::HttpStream& stream, const Timeouts& timeouts, Answer& answer) {
  const bool bounded = timeouts.first_token.count() > 0;
  const std::optional<steady_clock::time_point> first_by =
      bounded ? std::optional(stream.sent_at() + timeouts.first_token) : std::nullopt;
  std::optional<base::Error> broken;
  while (!answer.is_done()) {
    auto by = answer.has_begun() ? std::nullopt : first_by;
    if (answer.has_finish()) by = steady_clock::now() + kUsageGrace;
    std::string_view piece;
    try {
      piece = co_await stream.read_some(by);
    } catch (const base::Error& error) {
      broken = error;
    }
    if (broken || piece.empty()) break;
    take_piece(call, answer, piece);
  }
  if (answer.is_done()) co_return co_await finish_stream(stream);
  if (answer.has_finish()) co_return;
  if (broken) throw *broken;
  throw base::Error(base::Code::llm_unavailable,
                    fmt::format("the model server {} ended its stream before the answer was complete", call.server));
}

Task<net::Headers> plain(const VendorCall& call, const net::HttpRequest& request, Answer& answer) {
  auto response = co_await call.deps.http.send(request);
  if (response.status != 200) throw failure_of(call, response.status, response.headers, response.body);
  answer.take_body(response.body);
  co_return std::move(response.headers);
}

Task<net::Headers> streamed_call(const VendorCall& call, net::HttpRequest& request, const Timeouts& timeouts,
                                 Answer& answer) {
  auto stream = co_await call.deps.http.open(request);
  std::string().swap(request.body);  // sent; a stream may be open for long, and there may be thousands
  if (stream.status() != 200) {
    const auto body = co_await read_all(stream, kLongestErrorBody);
    throw failure_of(call, stream.status(), stream.headers(), body);
  }
  const auto type = stream.headers().find("content-type");
  if (type.starts_with("application/json")) {  // a server that cannot stream
    answer.take_body(co_await read_all(stream, std::string::npos));
  } else if (type.empty() || type.starts_with(call.stream_type) || type.starts_with("application/octet-stream")) {
    co_await read_stream(call, stream, timeouts, answer);
  } else {
    throw nonsense(call.server, "it is of another content type than was asked for");
  }
  co_return stream.headers();
}

Health health_of(int status, std::string_view server) {
  const auto answered = fmt::format("{} answered {}", server, status);
  if (status == 401 || status == 403) return {Health::State::unhealthy, answered + ": check the API key"};
  if (status >= 500) return {Health::State::unhealthy, answered};
  if (status == 429) return {Health::State::degraded, answered};
  return {};  // also a server that has no such route
}

Task<Health> ask_health(net::HttpClient& http, net::HttpRequest request, std::string_view server) {
  request.timeouts = {
      .connect = kHealthTimeout, .first_byte = kHealthTimeout, .idle = kHealthTimeout, .total = kHealthTimeout};
  try {
    co_return health_of((co_await http.send(request)).status, server);
  } catch (const base::Error& error) {
    co_return Health{Health::State::unhealthy, error.message};
  }
}

}  // namespace

base::Task<net::Headers> call_vendor(const VendorCall& call, net::HttpRequest request, const Timeouts& timeouts,
                                     bool streamed, Answer& answer) {
  request.timeouts = http_timeouts(timeouts, streamed);
  if (call.trace) request.headers.emplace_back("traceparent", call.trace.traceparent());
  try {
    co_return streamed ? co_await streamed_call(call, request, timeouts, answer)
                       : co_await plain(call, request, answer);
  } catch (const base::Error& error) {
    throw from_network(error, call.server);
  }
}

void AnswerText::append(std::string_view piece) {
  if (piece.empty()) return;
  if (piece.size() > kLongestAnswer - text_.size()) {
    throw nonsense(server_, fmt::format("its text is longer than {} bytes", kLongestAnswer));
  }
  text_ += piece;
  if (sink_) sink_(piece);
}

void check_header(std::string_view name, std::string_view value) {
  const bool clean = std::ranges::none_of(value, [](unsigned char c) { return c < ' ' || c == 0x7f; });
  if (clean) return;
  throw base::Error(base::Code::validation_error,
                    fmt::format("{} contains a line break or another control character", name));
}

base::Task<Health> HealthCheck::get(const ProviderDependencies& deps, net::HttpRequest request,
                                    std::string_view server) {
  const auto now = deps.clock.now();
  {
    const std::lock_guard lock(mutex_);
    if (last_ && now - asked_ < kHealthKept) co_return *last_;
    asked_ = now;  // others take the last answer while this one asks
  }
  const auto health = co_await ask_health(deps.http, std::move(request), server);
  const std::lock_guard lock(mutex_);
  last_ = health;
  co_return health;
}

}  // namespace llm
