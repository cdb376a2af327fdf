#include "llm/router.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/config.hpp"
#include "llm/scripted.hpp"
#include "net/http_client.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/tracer.hpp"

namespace llm {
namespace {

namespace asio = boost::asio;
using base::Code;
using base::Error;
using namespace std::chrono_literals;

// Three models, each a ScriptedProvider: `first` falls back to `second`, that one to `third`.
constexpr std::string_view kModels = R"(routes:
  default: { free: first, basic: first, premium: second, ultimate: second }
  assessment: third
  summary: third
  extraction: third
models:
  first: { vendor: compatible, id: m1, price: { input: 1, output: 10 }, fallbacks: [second], max_concurrent: 2 }
  second: { vendor: compatible, id: m2, price: { input: 2, output: 20 }, fallbacks: [third] }
  third: { vendor: compatible, id: m3, price: { input: 3, output: 30 } }
)";

Error unavailable(int status = 503) { return {Code::llm_unavailable, "down", {{"status", status}}}; }
Error final_error(int status, const std::string& code = "") {
  return {Code::llm_error, "refused", {{"status", status}, {"provider_code", code}}};
}

struct RouterTest : testing::Test {
  asio::io_context context{1};
  net::HttpClient http{{}, net::ProxyRules{}};
  base::FakeClock clock;
  base::FakeRandom random;
  telemetry::Registry metrics;
  std::string folder = testing::TempDir() + "router_test_XXXXXX";
  LlmOptions options;
  Request request;
  Trail trail;
  std::string streamed;
  std::map<std::string, ScriptedProvider*> models;
  std::unique_ptr<telemetry::Log> log;
  std::unique_ptr<Router> router;

  RouterTest() {
    if (mkdtemp(folder.data()) == nullptr) std::abort();
    log = std::make_unique<telemetry::Log>(open((folder + "/log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600),
                                           telemetry::Level::debug, clock);
    options.provider = "catalogue";
    options.catalogue_file = folder + "/models.yaml";
    options.compatible.base_url = "http://127.0.0.1:1/v1";
    options.retry.backoff.first = 0ms;  // nobody waits here, unless a test says so
    write(kModels);
    request.system = base::PrivateText("You coach.");
    request.messages = {{Role::user, base::PrivateText("Something very private.")}};
    request.reference = "conv_1";
    request.topic = "goals";
    request.trail = &trail;
    make();
  }
  ~RouterTest() override { std::filesystem::remove_all(folder); }

  void write(std::string_view text) { std::ofstream(options.catalogue_file) << text; }

  void make() {
    models.clear();
    router = std::make_unique<Router>(options, ProviderDependencies{http, clock, random, *log, metrics},
                                      [this](const Model& model) {
                                        auto scripted = std::make_unique<ScriptedProvider>();
                                        scripted->model = model.id;
                                        scripted->answers = {"from " + model.code};
                                        models[model.code] = scripted.get();
                                        return scripted;
                                      });
  }

  // The first calls of a model fail with these errors, one after the other; then it answers.
  void fails(const std::string& code, std::vector<Error> errors, const std::string& text_before = "") {
    auto* model = models.at(code);
    model->on_complete = [=](const Request& asked, const Sink& sink) -> base::Task<Reply> {
      const auto number = model->seen().size() - 1;
      if (number >= errors.size()) co_return model->answer(asked, sink, model->answers.front());
      if (sink && !text_before.empty()) sink(text_before);
      throw Error(errors[number]);
    };
  }
  void always_fails(const std::string& code, const Error& error) { fails(code, std::vector<Error>(1000, error)); }

  Reply complete(bool stream = false) {
    trail.clear();
    streamed.clear();
    Sink sink;
    if (stream) sink = [this](std::string_view text) { streamed += text; };
    auto reply = asio::co_spawn(context, router->complete(request, sink), asio::use_future);
    context.restart();
    context.run();
    return reply.get();
  }
  std::string answer(bool stream = false) { return complete(stream).text.reveal(); }
  Error failure(bool stream = false) {
    try {
      complete(stream);
    } catch (const Error& error) {
      return error;
    }
    return {Code::internal_error, "no failure"};
  }
  std::size_t calls(const std::string& code) { return models.at(code)->seen().size(); }
  std::string tries() {
    std::string text;
    for (const auto& one : trail) {
      text += (text.empty() ? "" : ", ") + one.model + " " + one.outcome + (one.reason.empty() ? "" : " " + one.reason);
    }
    return text;
  }
  template <class T>
  T run(base::Task<T> task) {
    auto result = asio::co_spawn(context, std::move(task), asio::use_future);
    context.restart();
    context.run();
    return result.get();
  }
  std::string logged() {
    log->flush();
    std::ifstream in(folder + "/log");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  double counter(const std::string& name, telemetry::Labels labels) {
    return metrics.counter(name, "", labels).value();
  }
};

// Who is asked.

TEST_F(RouterTest, TierAndPurposeChooseTheModel) {
  EXPECT_EQ(answer(), "from first");
  request.tier = "ultimate";
  EXPECT_EQ(answer(), "from second");
  request.purpose = Purpose::assessment;
  EXPECT_EQ(answer(), "from third");
}

TEST_F(RouterTest, AModelThatIsNamedIsAskedAndNoOther) {
  request.model = "second";
  EXPECT_EQ(answer(), "from second");
  always_fails("second", final_error(404));
  EXPECT_EQ(failure().code, Code::llm_error);
  EXPECT_EQ(calls("third"), 0U);
  request.model = "fourth";
  EXPECT_EQ(failure().code, Code::validation_error);
}

TEST_F(RouterTest, TheReplySaysWhoAnsweredAndWhatItCost) {
  auto reply = complete();
  EXPECT_EQ(reply.model_code, "first");
  EXPECT_EQ(reply.model, "m1");
  EXPECT_DOUBLE_EQ(
      reply.cost_usd,
      (static_cast<double>(reply.usage.prompt_tokens) + 10 * static_cast<double>(reply.usage.completion_tokens)) / 1e6);
  EXPECT_GT(reply.cost_usd, 0);
  EXPECT_FALSE(reply.usage.estimated);
}

TEST_F(RouterTest, UsageThatTheVendorDoesNotTellIsEstimated) {
  models.at("first")->on_complete = [](const Request&, const Sink&) -> base::Task<Reply> {
    Reply reply;
    reply.text = base::PrivateText("12345678");
    co_return reply;
  };
  const auto reply = complete();
  EXPECT_TRUE(reply.usage.estimated);
  EXPECT_EQ(reply.usage.completion_tokens, 2);
  EXPECT_EQ(reply.usage.prompt_tokens, estimate_prompt(request));
}

TEST_F(RouterTest, AQuoteNamesTheModelAndTheMostItMayCost) {
  request.tier = "premium";
  request.max_tokens = 1'000'000;
  const auto quote = router->quote(request);
  EXPECT_EQ(quote.model_code, "second");
  EXPECT_EQ(quote.prompt_tokens, estimate_prompt(request));
  EXPECT_EQ(quote.most_tokens, quote.prompt_tokens + 1'000'000);
  EXPECT_DOUBLE_EQ(quote.most_usd, 20 + 2e-6 * static_cast<double>(quote.prompt_tokens));
  EXPECT_EQ(quote.reasoning_usd, 0);
}

TEST_F(RouterTest, AQuoteHasRoomForThoughts) {
  write(std::string(kModels) +
        "  thinks: { vendor: compatible, id: m4, price: { input: 0, output: 5 }, "
        "reasoning_tokens: 2000, max_output_tokens: 8000 }\n");
  make();
  request.model = "thinks";
  request.max_tokens = 1'000;
  const auto quote = router->quote(request);
  EXPECT_EQ(quote.most_tokens, quote.prompt_tokens + 3'000);
  EXPECT_DOUBLE_EQ(quote.most_usd, 0.015);
  EXPECT_DOUBLE_EQ(quote.reasoning_usd, 0.01);
}

TEST_F(RouterTest, NothingOfTheRequestIsCopied) {
  const std::string* seen = nullptr;
  models.at("first")->on_complete = [&](const Request& asked, const Sink&) -> base::Task<Reply> {
    seen = &asked.messages.front().content.reveal();
    throw unavailable();
  };
  answer();
  EXPECT_EQ(seen, &request.messages.front().content.reveal());
}

// Trying again.

TEST_F(RouterTest, TriesAgainWhenNothingWasStreamedYet) {
  fails("first", {unavailable(), Error(Code::llm_timeout, "late")});
  EXPECT_EQ(answer(true), "from first");
  EXPECT_EQ(streamed, "from first");
  EXPECT_EQ(tries(), "first llm_unavailable 503, first llm_timeout, first ok");
  EXPECT_EQ(counter("purposepath_llm_retries_total", {{"model", "first"}}), 2);
}

TEST_F(RouterTest, GivesAModelUpAfterItsAttempts) {
  always_fails("first", unavailable());
  EXPECT_EQ(answer(), "from second");
  EXPECT_EQ(calls("first"), 3U);
}

TEST_F(RouterTest, NeverTriesAgainWhatHasBegun) {
  fails("first", {unavailable()}, "begun");
  EXPECT_EQ(failure(true).code, Code::llm_unavailable);
  EXPECT_EQ(streamed, "begun");
  EXPECT_EQ(calls("first"), 1U);
  EXPECT_EQ(calls("second"), 0U);
}

TEST_F(RouterTest, NeverTriesAgainWhatTheRequestIsToBlameFor) {
  for (const auto& error : {final_error(400), final_error(413), final_error(422), final_error(400, "content_filter"),
                            final_error(0, "invalid_request_error"), final_error(404, "context_length_exceeded"),
                            Error(Code::quota_exceeded, "no money")}) {
    make();
    always_fails("first", error);
    EXPECT_EQ(failure().code, error.code);
    EXPECT_EQ(calls("first"), 1U);
    EXPECT_EQ(calls("second"), 0U);
  }
}

TEST_F(RouterTest, WaitsAsLongAsItIsAskedTo) {
  auto busy = unavailable(429);
  busy.retry_after = 2ms;
  fails("first", {busy});
  EXPECT_EQ(answer(), "from first");
  ASSERT_EQ(trail.size(), 2U);
  EXPECT_EQ(trail[1].waited, 2ms);
  EXPECT_EQ(trail[0].reason, "429");
}

TEST_F(RouterTest, TheWaitIsRandomBelowABoundThatDoubles) {
  options.retry.backoff.first = 2ms;
  make();
  always_fails("first", unavailable());
  answer();
  EXPECT_LE(trail[1].waited, 2ms);
  EXPECT_LE(trail[2].waited, 4ms);
}

TEST_F(RouterTest, DoesNotWaitLongerThanItsPatience) {
  auto busy = unavailable(429);
  busy.retry_after = 60s;
  fails("third", {busy});
  request.purpose = Purpose::assessment;
  options.retry.backoff.patience = 30s;
  make();
  fails("third", {busy});
  EXPECT_EQ(failure().code, Code::llm_unavailable);
  EXPECT_EQ(failure().retry_after, std::nullopt);  // the second call is answered
  EXPECT_EQ(calls("third"), 2U);
}

TEST_F(RouterTest, AFallbackIsTriedRatherThanALongWait) {
  auto busy = unavailable(429);
  busy.retry_after = 4s;
  fails("first", {busy});
  EXPECT_EQ(answer(), "from second");
  EXPECT_EQ(calls("first"), 1U);
}

TEST_F(RouterTest, TheTotalTimeBoundsAllTries) {
  auto busy = unavailable();
  busy.retry_after = 50ms;
  always_fails("first", busy);
  request.timeouts.total = 20ms;
  failure();
  EXPECT_EQ(calls("first"), 1U);  // the wait would end too late
}

TEST_F(RouterTest, AFurtherTryHasOnlyTheTimeThatIsLeft) {
  std::vector<base::Milliseconds> given;
  models.at("first")->on_complete = [&](const Request& asked, const Sink& sink) -> base::Task<Reply> {
    given.push_back(asked.timeouts.total);
    auto busy = unavailable();
    busy.retry_after = 3ms;
    if (given.size() == 1) throw Error(busy);
    co_return models.at("first")->answer(asked, sink, "x");
  };
  request.timeouts.total = 10s;
  answer();
  ASSERT_EQ(given.size(), 2U);
  EXPECT_LE(given[1], given[0] - 3ms);
  EXPECT_EQ(request.timeouts.total, 10s);  // put back
}

TEST_F(RouterTest, RetriesCannotExceedTheirBudget) {
  options.retry.budget_per_minute = 4;
  options.router.breaker = {.failures = 0, .failure_rate = 0};
  make();
  always_fails("third", unavailable());
  request.purpose = Purpose::assessment;
  for (int i = 0; i < 100; ++i) failure();
  EXPECT_GE(calls("third"), 112U);
  EXPECT_LE(calls("third"), 114U);  // 100 calls, a tenth of them again, and four
}

// Going on to another model.

TEST_F(RouterTest, FallsBackWhenAnotherModelMayDoBetter) {
  for (const auto& error :
       {final_error(401), final_error(403), final_error(404), final_error(429, "insufficient_quota"), final_error(402),
        final_error(400, "model_not_found"), final_error(400, "API_KEY_INVALID"),
        final_error(404, "invalid_request_error"), Error(Code::llm_error, "nonsense")}) {
    make();
    always_fails("first", error);
    EXPECT_EQ(answer(true), "from second");
    EXPECT_EQ(calls("first"), 1U);
    EXPECT_EQ(streamed, "from second");
  }
  EXPECT_EQ(counter("purposepath_llm_fallbacks_total", {{"model", "first"}}), 9);
}

TEST_F(RouterTest, GoesDownTheWholeChain) {
  always_fails("first", final_error(404));
  always_fails("second", unavailable());
  EXPECT_EQ(answer(), "from third");
  EXPECT_EQ(tries(),
            "first llm_error 404, second llm_unavailable 503, second llm_unavailable 503, second "
            "llm_unavailable 503, third ok");
  EXPECT_EQ(complete().model_code, "third");
}

TEST_F(RouterTest, TellsTheLastFailureWhenNobodyAnswers) {
  always_fails("first", final_error(404));
  always_fails("second", final_error(401));
  auto late = unavailable();
  late.retry_after = 1h;
  always_fails("third", late);
  const auto error = failure();
  EXPECT_EQ(error.code, Code::llm_unavailable);
  EXPECT_EQ(error.retry_after, 1h);
}

// Breaker and lane.

TEST_F(RouterTest, AModelThatFailsTooOftenRestsAndIsThenTriedByOneCall) {
  options.retry.attempts = 1;
  options.router.breaker = {.failures = 3, .rest = 10s};
  make();
  fails("first", std::vector<Error>(3, unavailable()));
  for (int i = 0; i < 3; ++i) answer();
  EXPECT_EQ(answer(), "from second");
  EXPECT_EQ(calls("first"), 3U);
  EXPECT_EQ(tries(), "first llm_unavailable circuit_open, second ok");
  EXPECT_EQ(metrics.gauge("purposepath_llm_breaker_open", "", {{"model", "first"}}).value(), 1);
  clock.advance(10s);
  EXPECT_EQ(answer(), "from first");
  EXPECT_EQ(metrics.gauge("purposepath_llm_breaker_open", "", {{"model", "first"}}).value(), 0);
}

TEST_F(RouterTest, AnOpenBreakerWithoutAFallbackSaysWhenToComeBack) {
  options.retry.attempts = 1;
  options.router.breaker = {.failures = 1, .rest = 10s};
  make();
  always_fails("third", unavailable());
  request.purpose = Purpose::assessment;
  failure();
  clock.advance(4s);
  const auto error = failure();
  EXPECT_EQ(error.code, Code::llm_unavailable);
  EXPECT_EQ(error.retry_after, 6s);
  EXPECT_EQ(calls("third"), 1U);
}

TEST_F(RouterTest, BadRequestsAndThrottlingDoNotOpenTheBreaker) {
  options.retry.attempts = 1;
  options.router.breaker = {.failures = 2, .rest = 10s};
  make();
  always_fails("first", final_error(400));
  for (int i = 0; i < 5; ++i) failure();
  EXPECT_EQ(calls("first"), 5U);
  always_fails("third", unavailable(429));
  request.purpose = Purpose::assessment;
  for (int i = 0; i < 5; ++i) failure();
  EXPECT_EQ(calls("third"), 5U);
}

struct CrowdTest : RouterTest {
  Gate gate;
  const Sink no_sink;
  std::vector<std::future<Reply>> replies;

  void ask(int times) {
    for (int i = 0; i < times; ++i) {
      replies.push_back(asio::co_spawn(context, router->complete(request, no_sink), asio::use_future));
    }
    context.restart();
    context.poll();
  }
  // Holds back the answers of `first`, which takes two calls at once.
  void hold() {
    request.trail = nullptr;
    models.at("first")->on_complete = [this](const Request& asked, const Sink& sink) -> base::Task<Reply> {
      co_await gate.wait();
      co_return models.at("first")->answer(asked, sink, "from first");
    };
  }
  std::map<std::string, int> answered() {
    gate.open();
    context.restart();
    context.run();
    std::map<std::string, int> by_model;
    for (auto& reply : replies) ++by_model[reply.get().model_code];
    return by_model;
  }
};

TEST_F(CrowdTest, TheQueueIsShortAndTheRestGoesToTheFallback) {
  hold();
  ask(8);
  EXPECT_EQ(calls("first"), 2U);
  EXPECT_EQ(metrics.gauge("purposepath_llm_in_flight", "", {{"model", "first"}}).value(), 2);
  EXPECT_EQ(metrics.gauge("purposepath_llm_queue", "", {{"model", "first"}}).value(), 4);
  EXPECT_EQ(answered(), (std::map<std::string, int>{{"first", 6}, {"second", 2}}));
  EXPECT_EQ(metrics.gauge("purposepath_llm_in_flight", "", {{"model", "first"}}).value(), 0);
}

TEST_F(CrowdTest, WhoWaitsTooLongGoesToTheFallback) {
  options.router.queue_wait = 1ms;
  make();
  hold();
  ask(2);
  request.trail = &trail;
  ask(1);
  while (calls("second") == 0) context.run_one();
  EXPECT_EQ(answered(), (std::map<std::string, int>{{"first", 2}, {"second", 1}}));
  EXPECT_EQ(tries(), "first llm_unavailable queue_timeout, second ok");
  EXPECT_GE(trail[0].waited, 1ms);
}

TEST_F(CrowdTest, ACancelledCallGivesItsPlaceBack) {
  hold();
  asio::cancellation_signal cancel;
  bool failed = false;
  asio::co_spawn(context, router->complete(request, no_sink),
                 asio::bind_cancellation_slot(
                     cancel.slot(), [&](const std::exception_ptr& e, const Reply&) { failed = e != nullptr; }));
  context.poll();
  EXPECT_EQ(metrics.gauge("purposepath_llm_in_flight", "", {{"model", "first"}}).value(), 1);
  cancel.emit(asio::cancellation_type::terminal);
  context.restart();
  context.poll();
  EXPECT_TRUE(failed);
  EXPECT_EQ(metrics.gauge("purposepath_llm_in_flight", "", {{"model", "first"}}).value(), 0);
}

TEST_F(RouterTest, ManyThreadsShareOneRouter) {
  options.router.breaker = {.failures = 3, .rest = 0ms};
  make();
  models.at("first")->on_complete = [this](const Request& asked, const Sink& sink) -> base::Task<Reply> {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    if (random.uniform() < 0.5) throw unavailable();
    co_return models.at("first")->answer(asked, sink, "from first");
  };
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      asio::io_context own(1);
      for (int j = 0; j < 25; ++j) {
        asio::co_spawn(
            own,
            [&]() -> base::Task<> {
              Request mine;
              mine.topic = "goals";
              const auto reply = co_await router->complete(mine, {});
              answered += reply.text.empty() ? 0 : 1;
            },
            asio::detached);
      }
      own.run();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, 100);
  EXPECT_EQ(metrics.gauge("purposepath_llm_in_flight", "", {{"model", "first"}}).value(), 0);
  EXPECT_EQ(metrics.gauge("purposepath_llm_queue", "", {{"model", "first"}}).value(), 0);
}

// What operators see.

TEST_F(RouterTest, LogsEachCallInOneLineWithoutATextOfAnybody) {
  fails("first", {unavailable()});
  answer();
  const auto text = logged();
  EXPECT_NE(
      text.find(
          R"("event":"llm_call","reference":"conv_1","purpose":"reply","topic":"goals","model":"first","outcome":"ok","tries":2,"trail":"first llm_unavailable (503), first ok")"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("level":"info")"), std::string::npos);
  EXPECT_EQ(text.find("private"), std::string::npos);
  EXPECT_EQ(text.find("from first"), std::string::npos);
}

TEST_F(RouterTest, LogsACallThatFailedAsAWarningAndAPlainOneForDebugging) {
  answer();
  EXPECT_NE(logged().find(R"("level":"debug","event":"llm_call")"), std::string::npos);
  always_fails("first", final_error(400));
  failure();
  EXPECT_NE(logged().find(R"("level":"warn","event":"llm_call")"), std::string::npos);
}

// What the tests ask of a span.
struct SpanView {
  const telemetry::SpanRecord& span;
  std::string text(telemetry::SpanKey key) const {
    const auto* value = find(key);
    return value != nullptr ? std::get<std::string>(*value) : "";
  }
  std::int64_t number(telemetry::SpanKey key) const {
    const auto* value = find(key);
    return value != nullptr ? std::get<std::int64_t>(*value) : -1;
  }
  const telemetry::SpanValue* find(telemetry::SpanKey key) const {
    for (const auto& [known, value] : span.attributes) {
      if (known == key) return &value;
    }
    return nullptr;
  }
};

struct TracedTest : RouterTest {
  base::FakeRandom ids;
  telemetry::Tracer tracer{1, clock, ids, metrics};
  telemetry::Span asking = tracer.begin(telemetry::SpanKind::server, "POST", "");

  TracedTest() { request.trace = asking.trace(); }
};

TEST_F(TracedTest, ACallIsASpanAndEachTryOneInsideIt) {
  using telemetry::SpanKey;
  fails("first", {unavailable(), final_error(404)});
  answer();
  const auto spans = tracer.take(10);
  ASSERT_EQ(spans.size(), 4U);  // three tries, and last the call, which ends when they have
  const SpanView failed{spans[0]};
  const SpanView fallback{spans[2]};
  const SpanView call{spans[3]};
  for (const auto& span : spans) EXPECT_EQ(span.context.trace_id, asking.trace().context.trace_id);
  EXPECT_EQ(call.span.name, "chat first");
  EXPECT_EQ(call.span.parent_id, asking.trace().context.span_id);
  EXPECT_FALSE(call.span.failed);
  EXPECT_EQ(call.text(SpanKey::gen_ai_response_model), "m2");
  EXPECT_EQ(call.text(SpanKey::purpose), "reply");
  EXPECT_EQ(call.text(SpanKey::reference), "conv_1");
  EXPECT_EQ(call.number(SpanKey::tries), 3);
  EXPECT_GT(call.number(SpanKey::gen_ai_usage_input_tokens), 0);
  EXPECT_EQ(failed.span.name, "try first");
  EXPECT_EQ(failed.span.parent_id, call.span.context.span_id);
  EXPECT_TRUE(failed.span.failed);
  EXPECT_EQ(failed.text(SpanKey::error_type), "llm_unavailable");
  EXPECT_EQ(failed.text(SpanKey::reason), "503");
  EXPECT_EQ(fallback.span.name, "try second");
  EXPECT_EQ(fallback.text(SpanKey::outcome), "ok");
  EXPECT_FALSE(fallback.span.failed);
}

TEST_F(TracedTest, AVendorIsToldTheTryAndTheRequestIsLeftAsItWas) {
  std::vector<telemetry::TraceContext> told;
  models.at("first")->on_complete = [&](const Request& asked, const Sink&) -> base::Task<Reply> {
    told.push_back(asked.trace.context);
    throw unavailable();
    co_return Reply{};
  };
  answer();
  const auto spans = tracer.take(10);
  ASSERT_EQ(told.size(), 3U);
  for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i], spans.at(i).context);
  EXPECT_EQ(request.trace.context, asking.trace().context);
}

TEST_F(TracedTest, ACallThatFailsIsASpanThatFailed) {
  fails("first", {Error(Code::llm_error, "refused", {{"status", 400}})});
  EXPECT_EQ(failure().code, Code::llm_error);
  const auto spans = tracer.take(10);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_TRUE(spans[1].failed);
  EXPECT_EQ(SpanView{spans[1]}.text(telemetry::SpanKey::error_type), "llm_error");
}

TEST_F(TracedTest, TheLogNamesTheTraceWhereThereIsOne) {
  answer();
  EXPECT_NE(logged().find(R"("trace_id":")" + asking.trace().trace_id() + '"'), std::string::npos);
  request.trace = {};
  tracer.take(10);
  const auto before = logged().size();
  answer();
  EXPECT_EQ(logged().find("trace_id", before), std::string::npos);
  EXPECT_EQ(tracer.kept(), 0U);
}

TEST_F(RouterTest, CountsTriesByOutcome) {
  fails("first", {unavailable(), Error(Code::llm_timeout, "late")});
  answer(true);
  const auto count = [this](const std::string& outcome) {
    return counter("purposepath_llm_calls_total",
                   {{"provider", "compatible"}, {"model", "first"}, {"outcome", outcome}});
  };
  EXPECT_EQ(count("ok"), 1);
  EXPECT_EQ(count("llm_unavailable"), 1);
  EXPECT_EQ(count("llm_timeout"), 1);
  EXPECT_NE(metrics.prometheus_text().find(R"(purposepath_llm_first_text_seconds_count{model="first"} 1)"),
            std::string::npos);
}

TEST_F(RouterTest, CountsTokensReadAndCached) {
  models.at("first")->on_complete = [](const Request&, const Sink&) -> base::Task<Reply> {
    Reply reply;
    reply.usage = {.prompt_tokens = 100, .completion_tokens = 5, .cached_tokens = 80};
    co_return reply;
  };
  answer();
  EXPECT_EQ(counter("purposepath_llm_prompt_tokens_total", {{"model", "first"}}), 100);
  EXPECT_EQ(counter("purposepath_llm_cached_tokens_total", {{"model", "first"}}), 80);
}

TEST_F(RouterTest, HealthFollowsTheModelsThatReply) {
  EXPECT_EQ(run(router->health()).state, Health::State::healthy);
  const auto down = []() -> base::Task<Health> { co_return Health{Health::State::unhealthy, "no key"}; };
  models.at("third")->on_health = down;
  auto health = run(router->health());
  EXPECT_EQ(health.state, Health::State::degraded);
  EXPECT_EQ(health.reason, "third: no key");
  models.at("first")->on_health = down;
  EXPECT_EQ(run(router->health()).state, Health::State::degraded);
  models.at("second")->on_health = down;
  health = run(router->health());
  EXPECT_EQ(health.state, Health::State::unhealthy);
  EXPECT_EQ(health.reason, "first: no key; second: no key; third: no key");
}

TEST_F(RouterTest, HealthCountsAModelThatRestsAsDown) {
  options.retry.attempts = 1;
  options.router.breaker = {.failures = 1, .rest = 10s};
  make();
  fails("first", {unavailable()});
  answer();
  EXPECT_EQ(run(router->health()).state, Health::State::degraded);
  const auto states = run(router->states());
  const auto& first = *std::ranges::find(states, "first", [](const ModelState& state) { return state.model->code; });
  EXPECT_EQ(first.circuit, net::CircuitState::open);
  EXPECT_EQ(first.health.state, Health::State::unhealthy);
  EXPECT_EQ(first.routes, (std::vector<std::string>{"default.free", "default.basic"}));
}

TEST_F(RouterTest, ACatalogueWithFaultsIsRefusedAtStart) {
  write("models:\n  first: { vendor: opanai }\nroutes:\n  default: nobody\n");
  try {
    make();
    FAIL();
  } catch (const base::ConfigError& error) {
    EXPECT_NE(error.message.find("models.yaml:2: unknown vendor opanai"), std::string::npos);
    EXPECT_NE(error.message.find("models.yaml:4: routes/default leads to the unknown model nobody"), std::string::npos);
  }
}

}  // namespace
}  // namespace llm
