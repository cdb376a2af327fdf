#include "net/trace_exporter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>

#include "base/json.hpp"
#include "net/backoff.hpp"
#include "net/failure.hpp"
#include "telemetry/otlp.hpp"

namespace net {
namespace {

using base::Code;
using base::Error;
using base::Milliseconds;
using base::Task;

constexpr std::string_view kPath = "/v1/traces";
constexpr Milliseconds kLinger{2'000};
constexpr Milliseconds kTimeout{5'000};  // of one try
constexpr Milliseconds kComplainEvery{60'000};
constexpr int kTries = 5;
constexpr BackoffOptions kBackoff{
    .first = Milliseconds(1'000), .longest = Milliseconds(10'000), .patience = Milliseconds(30'000)};
constexpr std::int64_t kLongestAnswer = 64 * 1024;

bool is_token(std::string_view name) {
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !name.empty() && std::ranges::all_of(name, fits);
}

bool is_header_value(std::string_view value) {
  return std::ranges::none_of(value, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

// What the specification says may be sent again.
bool passes(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

// {"partialSuccess": {"rejectedSpans": "3"}}; whoever answers in another form took them all.
std::size_t rejected_in(std::string_view body) {
  try {
    const auto answer = base::parse_json(body);
    const auto& count = answer.at("partialSuccess").at("rejectedSpans");
    return count.is_string() ? std::stoull(std::string(count.get_string())) : count.to_number<std::size_t>();
  } catch (const std::exception&) {
    return 0;
  }
}

}  // namespace

Url traces_url(const telemetry::TraceOptions& options) {
  auto url = parse_url(options.endpoint);
  return url.target.ends_with(kPath) ? url : join_path(std::move(url), kPath);
}

std::vector<std::pair<std::string, std::string>> trace_headers(const telemetry::TraceOptions& options) {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view rest = options.headers.reveal();
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    const auto pair = base::trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    std::string name(base::trim(pair.substr(0, equals)));
    auto value = percent_decoded(base::trim(pair.substr(std::min(equals + 1, pair.size()))));
    if (equals == pair.size() || !is_token(name) || !is_header_value(value)) {
      throw Error(Code::validation_error, "must be written as name=value,name=value, values percent-encoded");
    }
    headers.emplace_back(std::move(name), std::move(value));
  }
  return headers;
}

TraceExporter::TraceExporter(const telemetry::TraceOptions& options, TraceExporterDependencies dependencies)
    : service_name_(options.service_name),
      deps_(dependencies),
      exported_(deps_.metrics.counter("purposepath_spans_exported_total", "Spans that a collector has taken.")) {
  request_.method = "POST";
  request_.url = traces_url(options);
  request_.headers = trace_headers(options);
  request_.headers.emplace_back("Content-Type", "application/json");
  request_.timeouts = {.connect = kTimeout, .first_byte = kTimeout, .idle = kTimeout, .total = kTimeout};
  request_.max_body_bytes = kLongestAnswer;
}

TraceExporter::~TraceExporter() { stop(Milliseconds(0)); }

void TraceExporter::start() {
  // Signals are for main().
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  ended_ = boost::asio::co_spawn(context_, run(), boost::asio::use_future);
  thread_ = std::thread([this] { context_.run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void TraceExporter::stop(Milliseconds timeout) {
  if (!thread_.joinable()) return;
  stopping_ = true;
  stopped_.ring();
  deps_.tracer.many().ring();
  ended_.wait_for(timeout);
  context_.stop();
  thread_.join();
}

Task<> TraceExporter::run() {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (;;) {
    auto ticket = deps_.tracer.many().draw(executor);
    const bool last = stopping_;
    if (!last && deps_.tracer.kept() < telemetry::Tracer::kBatch) co_await ticket.wait(kLinger);
    auto batch = deps_.tracer.take(telemetry::Tracer::kBatch);
    if (!batch.empty()) {
      co_await deliver(std::move(batch));
    } else if (last) {
      co_return;
    }
  }
}

Task<> TraceExporter::deliver(std::vector<telemetry::SpanRecord> batch) {
  auto request = request_;
  request.body = telemetry::otlp_json(batch, service_name_);
  const auto spans = batch.size();
  std::vector<telemetry::SpanRecord>().swap(batch);
  for (int failures = 1;; ++failures) {
    const bool last = stopping_;
    const auto outcome = co_await send(request);
    if (outcome.delivered) {
      const auto rejected = std::min(outcome.rejected, spans);
      exported_.add(static_cast<double>(spans - rejected));
      if (rejected > 0) lose("rejected", rejected, "the collector took a part of them only");
      co_return;
    }
    const bool again = outcome.may_repeat && !last && failures < kTries;
    const auto delay = again ? backoff_delay(kBackoff, failures, outcome.retry_after, deps_.random) : std::nullopt;
    if (!delay) co_return lose("not_delivered", spans, outcome.reason);
    co_await pause(*delay);
  }
}

Task<TraceExporter::Outcome> TraceExporter::send(const HttpRequest& request) {
  try {
    const auto response = co_await deps_.http.send(request);
    if (response.status >= 200 && response.status < 300) {
      co_return Outcome{.delivered = true, .rejected = rejected_in(response.body)};
    }
    co_return Outcome{.may_repeat = passes(response.status),
                      .retry_after = parse_retry_after(response.headers.find("retry-after"), "", deps_.clock.now()),
                      .reason = fmt::format("the collector answered {}", response.status)};
  } catch (const Error& error) {
    const auto stage = failed_stage(error);
    co_return Outcome{.may_repeat = true,
                      .reason = fmt::format("the collector could not be reached ({}{})",
                                            stage ? base::name_of(*stage) : std::string_view("unknown"),
                                            timed_out(error) ? ", time-out" : "")};
  }
}

Task<> TraceExporter::pause(Milliseconds delay) {
  auto ticket = stopped_.draw(co_await boost::asio::this_coro::executor);
  if (!stopping_) co_await ticket.wait(delay);
}

void TraceExporter::lose(std::string_view kind, std::size_t spans, const std::string& reason) {
  deps_.tracer.count_dropped(kind, spans);
  const auto now = deps_.clock.now();
  if (now - complained_at_ < kComplainEvery) return;
  complained_at_ = now;
  deps_.log.write(telemetry::Level::warn, "spans_lost", {{"spans", spans}, {"reason", reason}});
}

}  // namespace net
