#include "llm/openai.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <optional>

#include "llm/failures.hpp"
#include "llm/openai_wire.hpp"
#include "net/failure.hpp"
#include "net/http_client.hpp"
#include "net/sse_decoder.hpp"
#include "net/url.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace llm {
namespace {

using base::Milliseconds;
using base::Task;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr Milliseconds kHealthTimeout{2'000};
constexpr Milliseconds kHealthKept{10'000};
constexpr auto kUsageGrace = 2s;    // after finish_reason, for the chunk with the usage
constexpr auto kEndGrace = 50ms;    // after [DONE], for the end of the body, so that the connection can be kept
constexpr std::size_t kLongestErrorBody = 64 * 1024;

OpenAiDialect dialect_of(const OpenAiOptions& options, const net::Url& url) {
  const bool openai = url.host == "api.openai.com";
  const bool azure = url.host.ends_with(".openai.azure.com");
  auto parameter = options.token_parameter;
  if (parameter.empty()) parameter = openai || azure ? "max_completion_tokens" : "max_tokens";
  return {.model = options.model,
          .token_parameter = parameter,
          .says_store = openai,
          .store = options.store,
          .fixed_temperature_for_reasoning = openai || azure};
}

net::HttpTimeouts http_timeouts(const Timeouts& timeouts, bool streamed) {
  // Without a stream the whole answer comes at once, as late as it may.
  return {.connect = timeouts.connect,
          .first_byte = streamed ? timeouts.first_token : timeouts.total,
          .idle = timeouts.between_tokens,
          .total = timeouts.total};
}

struct Counters {
  explicit Counters(telemetry::Registry& metrics)
      : answered(by_outcome(metrics, "ok")),
        failed(by_outcome(metrics, "llm_error")),
        unavailable(by_outcome(metrics, "llm_unavailable")),
        late(by_outcome(metrics, "llm_timeout")),
        retries(metrics.counter("purposepath_llm_retries_total", "Calls to a model server that were repeated.",
                                {{"provider", "openai"}})),
        first_text(metrics.histogram("purposepath_llm_first_text_seconds",
                                     "From a streamed call's begin to its first text.", {{"provider", "openai"}})) {}

  static telemetry::Counter& by_outcome(telemetry::Registry& metrics, const char* outcome) {
    return metrics.counter("purposepath_llm_calls_total", "Calls to a model server, each try on its own, by outcome.",
                           {{"provider", "openai"}, {"outcome", outcome}});
  }
  telemetry::Counter& of(base::Code code) {
    if (code == base::Code::llm_timeout) return late;
    return code == base::Code::llm_unavailable ? unavailable : failed;
  }

  telemetry::Counter& answered;
  telemetry::Counter& failed;
  telemetry::Counter& unavailable;
  telemetry::Counter& late;
  telemetry::Counter& retries;
  telemetry::Histogram& first_text;
};

class OpenAi final : public Provider {
 public:
  OpenAi(OpenAiOptions options, const ProviderDependencies& dependencies)
      : options_(std::move(options)),
        deps_(dependencies),
        url_(net::parse_url(options_.base_url)),
        dialect_(dialect_of(options_, url_)),
        counters_(dependencies.metrics) {
    completions_.method = "POST";
    completions_.url = net::join_path(url_, "/chat/completions");
    completions_.headers = {{"Content-Type", "application/json"}};
    // The model's work may be done twice when a kept connection breaks; no state changes by it.
    completions_.repeatable = true;
    if (!options_.api_key.empty())
      completions_.headers.emplace_back("Authorization", "Bearer " + options_.api_key.reveal());
    if (!options_.organization.empty()) completions_.headers.emplace_back("OpenAI-Organization", options_.organization);
    if (!options_.project.empty()) completions_.headers.emplace_back("OpenAI-Project", options_.project);
  }

  std::string_view name() const override { return "openai"; }
  std::string_view default_model() const override { return options_.model; }

  Task<Reply> complete(const Request& request, const Sink& sink) override {
    const Attempt attempt = [&](const Timeouts& left, const Sink& to) { return counted(request, to, left); };
    const OnRetry on_retry = [&](const base::Error& failure, int failures, Milliseconds delay) {
      counters_.retries.add();
      deps_.log.write(telemetry::Level::warn, "llm_retry",
                      {{"provider", "openai"},
                       {"code", base::to_string(failure.code)},
                       {"reason", failure.message},
                       {"failures", failures},
                       {"delay_ms", delay.count()}});
    };
    co_return co_await with_retry(options_.retry, deps_.random, request.timeouts, sink, attempt, on_retry);
  }

  Task<Health> health() override;

 private:
  Task<Reply> counted(const Request& request, const Sink& sink, const Timeouts& timeouts);
  Task<Reply> plain(const Request& request, const Timeouts& timeouts);
  Task<Reply> streamed(const Request& request, const Sink& sink, const Timeouts& timeouts);
  Task<void> read_stream(net::HttpStream& stream, OpenAiAnswer& answer, const Timeouts& timeouts);
  Task<void> finish_stream(net::HttpStream& stream);
  Task<std::string> read_all(net::HttpStream& stream, std::size_t most);
  Task<Health> ask_health();
  net::HttpRequest http_request(const Request& request, const Timeouts& timeouts, bool is_streamed) const;

  OpenAiOptions options_;
  ProviderDependencies deps_;
  net::Url url_;
  OpenAiDialect dialect_;
  net::HttpRequest completions_;
  Counters counters_;
  std::mutex health_mutex_;
  std::optional<Health> health_;
  base::Time health_asked_{};
};

net::HttpRequest OpenAi::http_request(const Request& request, const Timeouts& timeouts, bool is_streamed) const {
  auto http = completions_;
  http.headers.emplace_back("Accept", is_streamed ? "text/event-stream" : "application/json");
  http.body = openai_request_body(dialect_, request, is_streamed);
  http.timeouts = http_timeouts(timeouts, is_streamed);
  return http;
}

Task<Reply> OpenAi::counted(const Request& request, const Sink& sink, const Timeouts& timeouts) {
  try {
    auto reply = sink ? co_await streamed(request, sink, timeouts) : co_await plain(request, timeouts);
    counters_.answered.add();
    co_return reply;
  } catch (const base::Error& error) {
    auto failure = from_network(error, url_.authority);
    counters_.of(failure.code).add();
    throw failure;
  }
}

Task<Reply> OpenAi::plain(const Request& request, const Timeouts& timeouts) {
  const auto http = http_request(request, timeouts, false);
  const auto prompt_tokens = estimate_prompt(request);
  const auto response = co_await deps_.http.send(http);
  if (response.status != 200)
    throw from_status(response.status, response.headers, response.body, url_.authority, deps_.clock.now());
  const Sink none;
  OpenAiAnswer answer(url_.authority, none);
  answer.take_body(response.body);
  auto reply = std::move(answer).reply(prompt_tokens, request.model.empty() ? options_.model : request.model);
  if (const auto id = response.headers.find("x-request-id"); !id.empty()) reply.provider_request_id = id;
  co_return reply;
}

Task<Reply> OpenAi::streamed(const Request& request, const Sink& sink, const Timeouts& timeouts) {
  const auto begin = steady_clock::now();
  bool first = true;
  const Sink timed = [&](std::string_view text) {
    if (first) counters_.first_text.observe(std::chrono::duration<double>(steady_clock::now() - begin).count());
    first = false;
    sink(text);
  };
  auto http = http_request(request, timeouts, true);
  const auto prompt_tokens = estimate_prompt(request);  // now: the text may be gone once the answer comes
  auto stream = co_await deps_.http.open(http);
  std::string().swap(http.body);  // sent; a stream may be open for long, and there may be thousands
  if (stream.status() != 200) {
    const auto body = co_await read_all(stream, kLongestErrorBody);
    throw from_status(stream.status(), stream.headers(), body, url_.authority, deps_.clock.now());
  }
  OpenAiAnswer answer(url_.authority, timed);
  if (stream.headers().find("content-type").starts_with("application/json")) {  // a server that cannot stream
    answer.take_body(co_await read_all(stream, std::string::npos));
  } else {
    co_await read_stream(stream, answer, timeouts);
  }
  auto reply = std::move(answer).reply(prompt_tokens, request.model.empty() ? options_.model : request.model);
  if (const auto id = stream.headers().find("x-request-id"); !id.empty()) reply.provider_request_id = id;
  co_return reply;
}

Task<std::string> OpenAi::read_all(net::HttpStream& stream, std::size_t most) {
  std::string body;
  while (body.size() < most) {
    const auto piece = co_await stream.read_some();
    if (piece.empty()) break;
    body += piece;
  }
  co_return body;
}

// Ends with the answer complete, or throws. What comes too late after the finish_reason is done without.
Task<void> OpenAi::read_stream(net::HttpStream& stream, OpenAiAnswer& answer, const Timeouts& timeouts) {
  net::SseDecoder decoder;
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
    decoder.feed(piece);
    while (const auto* event = decoder.next()) answer.take_event(event->data);
  }
  if (answer.is_done()) co_return co_await finish_stream(stream);
  if (answer.has_finish()) co_return;
  if (broken) throw *broken;
  throw base::Error(base::Code::llm_unavailable,
                    fmt::format("the model server {} ended its stream before the answer was complete", url_.authority));
}

Task<void> OpenAi::finish_stream(net::HttpStream& stream) {
  try {
    co_await stream.read_some(steady_clock::now() + kEndGrace);
  } catch (const base::Error&) {  // the answer is complete; only the connection is lost
  }
}

Task<Health> OpenAi::health() {
  const auto now = deps_.clock.now();
  {
    const std::lock_guard lock(health_mutex_);
    if (health_ && now - health_asked_ < kHealthKept) co_return *health_;
    health_asked_ = now;  // others take the last answer while this one asks
  }
  const auto health = co_await ask_health();
  const std::lock_guard lock(health_mutex_);
  health_ = health;
  co_return health;
}

Task<Health> OpenAi::ask_health() {
  net::HttpRequest request{.url = net::join_path(url_, "/models"), .headers = completions_.headers};
  request.timeouts = {
      .connect = kHealthTimeout, .first_byte = kHealthTimeout, .idle = kHealthTimeout, .total = kHealthTimeout};
  try {
    const auto response = co_await deps_.http.send(request);
    const auto answered = fmt::format("{} answered {}", url_.authority, response.status);
    if (response.status == 401 || response.status == 403)
      co_return Health{Health::State::unhealthy, answered + ": check the API key"};
    if (response.status >= 500) co_return Health{Health::State::unhealthy, answered};
    if (response.status == 429) co_return Health{Health::State::degraded, answered};
    co_return Health{};  // also a server that has no such route
  } catch (const base::Error& error) {
    co_return Health{Health::State::unhealthy, error.message};
  }
}

}  // namespace

namespace {

// They become headers: a line break, usual at the end of a key file, would end the header.
void check_header(std::string_view name, std::string_view value) {
  const bool clean = std::ranges::none_of(value, [](unsigned char c) { return c < ' ' || c == 0x7f; });
  if (clean) return;
  throw base::Error(base::Code::validation_error,
                    fmt::format("{} contains a line break or another control character", name));
}

}  // namespace

std::unique_ptr<Provider> make_openai(OpenAiOptions options, const ProviderDependencies& dependencies) {
  if (options.model.empty()) {
    throw base::Error(
        base::Code::validation_error,
        fmt::format("no model is configured for {}; set llm.model to one that it serves", options.base_url));
  }
  if (!options.token_parameter.empty() && options.token_parameter != "max_tokens" &&
      options.token_parameter != "max_completion_tokens") {
    throw base::Error(base::Code::validation_error, "token_parameter must be max_tokens or max_completion_tokens");
  }
  check_header("api_key", options.api_key.reveal());
  check_header("organization", options.organization);
  check_header("project", options.project);
  return std::make_unique<OpenAi>(std::move(options), dependencies);
}

}  // namespace llm
