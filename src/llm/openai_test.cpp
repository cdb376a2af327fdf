#include "llm/openai.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/json.hpp>

#include "net/http_client.hpp"
#include "net/impostor_test.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace llm {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using base::Code;
using base::Task;
using net::Impostor;
using net::Peer;
using namespace std::chrono_literals;

constexpr const char* kKey = "sk-test-key-that-nobody-may-see";
constexpr const char* kSaid = "What the person said in confidence";

std::string answer(std::string_view status, std::string_view type, std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) + "\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
std::string json_answer(std::string_view body, std::string_view more = "") {
  return answer("200 OK", "application/json", body, more);
}
std::string stream_answer(std::string_view body) { return answer("200 OK", "text/event-stream; charset=utf-8", body); }

std::string delta(std::string_view text) {
  return "data: "
         "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m-2026\",\"choices\":[{\"index\":0,\"delta\":"
         "{\"content\":" +
         json::serialize(json::string(text)) + "},\"finish_reason\":null}],\"usage\":null}\n\n";
}
constexpr const char* kFinish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
constexpr const char* kUsage =
    "data: "
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15,\"prompt_tokens_"
    "details\":{\"cached_tokens\":8}}}\n\n";
constexpr const char* kDone = "data: [DONE]\n\n";

struct OpenAiTest : testing::Test {
  asio::io_context context{1};
  net::HttpClient http{{}, net::ProxyRules{}};
  base::FakeClock clock;
  base::FakeRandom random;
  int log_file = memfd_create("log", 0);
  std::unique_ptr<telemetry::Log> log = std::make_unique<telemetry::Log>(log_file, telemetry::Level::debug, clock);
  telemetry::Registry metrics;
  std::vector<std::string> requests;  // what the server received
  std::string streamed;               // what the sink received

  ~OpenAiTest() override {
    log.reset();
    close(log_file);
  }

  std::string logged() {
    log->flush();
    std::string text(static_cast<std::size_t>(lseek(log_file, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(log_file, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

  static Model some_model() { return {.code = "some", .vendor = Vendor::openai, .id = "m"}; }

  std::unique_ptr<Provider> provider(const Impostor& server, OpenAiOptions options = {},
                                     const Model& model = some_model()) {
    options.base_url = server.url("/v1");
    if (options.api_key.empty()) options.api_key = base::Secret(kKey);
    return make_openai(model, options, {http, clock, random, *log, metrics});
  }

  static Request request() {
    Request request;
    request.system = base::PrivateText("You coach.");
    request.messages.push_back({Role::user, base::PrivateText(kSaid)});
    request.timeouts = {.connect = 1'000ms, .first_token = 1'000ms, .between_tokens = 1'000ms, .total = 3'000ms};
    return request;
  }

  // One answer of these for each request, the last one again and again.
  net::Script answers(std::vector<std::string> list) {
    return [this, list](Peer& peer) -> Task<void> {
      for (;;) {
        auto seen = co_await peer.read_request();
        if (seen.empty()) co_return;
        requests.push_back(seen);
        if (!co_await peer.send(list[std::min(requests.size(), list.size()) - 1])) co_return;
      }
    };
  }

  Reply complete(Provider& from, const Request& asked, bool stream = true) {
    streamed.clear();
    const Sink sink = stream ? Sink([this](std::string_view text) { streamed += text; }) : Sink();
    return net::await(context, from.complete(asked, sink));
  }

  Reply ask(const std::string& with_answer, bool stream = true, const Request& asked = request()) {
    Impostor server(context, answers({with_answer}));
    const auto from = provider(server);
    return complete(*from, asked, stream);
  }

  base::Error failure(const net::Script& script, bool stream = true, const Request& asked = request()) {
    Impostor server(context, script);
    const auto from = provider(server);
    try {
      complete(*from, asked, stream);
    } catch (const base::Error& error) {
      const auto all = error.message + json::serialize(error.details) + logged() + metrics.prometheus_text();
      EXPECT_EQ(all.find(kKey), all.npos) << all;
      EXPECT_EQ(all.find("confidence"), all.npos) << all;
      return error;
    }
    ADD_FAILURE() << "the call did not fail";
    return {Code::internal_error, ""};
  }
  base::Error failure(const std::string& with_answer, bool stream = true) {
    return failure(answers({with_answer}), stream);
  }

  json::object sent() const {
    return json::parse(requests.back().substr(requests.back().find("\r\n\r\n") + 4)).as_object();
  }
};

// What is sent.

TEST_F(OpenAiTest, SendsTheConversationAndTheKey) {
  Impostor server(context, answers({json_answer(R"({"choices":[{"message":{"content":"x"}}]})")}));
  const auto from = provider(server, {.organization = "org-1", .project = "proj-1"});
  auto asked = request();
  asked.messages.push_back({Role::assistant, base::PrivateText("quote \" slash \\ line\nbell \x07 é 🙂 {{x}}")});
  asked.max_tokens = 77;
  asked.temperature = 0.25;
  complete(*from, asked, false);
  const auto& raw = requests.at(0);
  EXPECT_TRUE(raw.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")) << raw;
  for (const auto* header :
       {"Authorization: Bearer sk-test-key-that-nobody-may-see\r\n", "Content-Type: application/json\r\n",
        "OpenAI-Organization: org-1\r\n", "OpenAI-Project: proj-1\r\n"}) {
    EXPECT_NE(raw.find(header), raw.npos) << header;
  }
  EXPECT_EQ(sent(), json::parse(R"({"model":"m","messages":[{"role":"system","content":"You coach."},
      {"role":"user","content":"What the person said in confidence"},
      {"role":"assistant","content":"quote \" slash \\ line\nbell \u0007 é 🙂 {{x}}"}],"max_tokens":77,"temperature":0.25})")
                        .as_object());
}

TEST_F(OpenAiTest, AsksForAStreamWithUsageAndForASchema) {
  const auto schema = json::parse(R"({"type":"object","properties":{},"required":[],"additionalProperties":false})");
  auto asked = request();
  asked.schema = &schema;
  asked.schema_name = "result";
  Impostor server(context, answers({stream_answer(delta("{}") + kFinish + kDone)}));
  auto model = some_model();
  model.token_parameter = "max_completion_tokens";
  const auto from = provider(server, {}, model);
  complete(*from, asked);
  const auto body = sent();
  EXPECT_EQ(body.at("model"), "m");
  EXPECT_EQ(body.at("stream"), true);
  EXPECT_EQ(body.at("stream_options").at("include_usage"), true);
  EXPECT_TRUE(body.contains("max_completion_tokens"));
  const auto& format = body.at("response_format");
  EXPECT_EQ(format.at("type"), "json_schema");
  EXPECT_EQ(format.at("json_schema").at("name"), "result");
  EXPECT_EQ(format.at("json_schema").at("strict"), true);
  EXPECT_EQ(format.at("json_schema").at("schema"), schema);
}

TEST_F(OpenAiTest, WithoutAKeySendsNone) {
  Impostor server(context, answers({json_answer(R"({"choices":[{"message":{"content":"x"}}]})")}));
  OpenAiOptions options{.base_url = server.url("/v1")};
  const auto from = make_openai(some_model(), options, {http, clock, random, *log, metrics});
  complete(*from, request(), false);
  EXPECT_EQ(requests.at(0).find("Authorization"), std::string::npos);
}

TEST_F(OpenAiTest, RefusesOptionsItCannotUse) {
  struct Case {
    Model model;
    OpenAiOptions options;
  };
  auto odd = some_model();
  odd.token_parameter = "tokens";
  for (const auto& [model, options] : {Case{{}, {}}, Case{some_model(), {.base_url = "localhost:11434"}}, Case{odd, {}},
                                       Case{some_model(), {.api_key = base::Secret("key\n")}}}) {
    try {
      make_openai(model, options, {http, clock, random, *log, metrics});
      ADD_FAILURE();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, Code::validation_error);
    }
  }
}

// What is understood.

TEST_F(OpenAiTest, ReadsAPlainAnswer) {
  const auto reply =
      ask(json_answer(R"({"id":"c9","object":"chat.completion","model":"m-2026","choices":[{"index":0,"message":
      {"role":"assistant","content":"Hello.","refusal":null},"finish_reason":"length","logprobs":null}],"usage":{"prompt_tokens":20,
      "completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":16}},"service_tier":"default","new":{"a":[1]}})",
                      "x-request-id: req-77\r\n"),
          false);
  EXPECT_EQ(reply.text.reveal(), "Hello.");
  EXPECT_EQ(reply.finish_reason, FinishReason::length);
  EXPECT_EQ(reply.model, "m-2026");
  EXPECT_EQ(reply.provider_request_id, "req-77");
  EXPECT_EQ(reply.usage.prompt_tokens, 20);
  EXPECT_EQ(reply.usage.completion_tokens, 5);
  EXPECT_EQ(reply.usage.cached_tokens, 16);
  EXPECT_FALSE(reply.usage.estimated);
  EXPECT_EQ(streamed, "");
}

TEST_F(OpenAiTest, ReadsAStream) {
  const auto reply = ask(
      stream_answer(": hi\n\n" + delta("") + delta("Wha") + delta("t é🙂\n") + delta("?") + kFinish + kUsage + kDone));
  EXPECT_EQ(reply.text.reveal(), "What é🙂\n?");
  EXPECT_EQ(streamed, reply.text.reveal());
  EXPECT_EQ(reply.model, "m-2026");
  EXPECT_EQ(reply.provider_request_id, "c1");
  EXPECT_EQ(reply.usage.prompt_tokens, 12);
  EXPECT_EQ(reply.usage.completion_tokens, 3);
  EXPECT_EQ(reply.usage.cached_tokens, 8);
}

TEST_F(OpenAiTest, KeepsTheConnectionAfterAStream) {
  Impostor server(context, answers({stream_answer(delta("x") + kFinish + kUsage + kDone)}));
  const auto from = provider(server);
  for (int i = 0; i < 4; ++i) complete(*from, request());
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(OpenAiTest, EstimatesTheUsageThatDidNotCome) {
  for (const bool stream : {true, false}) {
    const auto reply =
        ask(stream ? stream_answer(delta("eight by") + kFinish + kDone)
                   : json_answer(R"({"choices":[{"message":{"content":"eight by"},"finish_reason":"stop"}]})"),
            stream);
    EXPECT_TRUE(reply.usage.estimated);
    EXPECT_EQ(reply.usage.completion_tokens, 2);
    EXPECT_GT(reply.usage.prompt_tokens, 10);
    EXPECT_EQ(reply.model, stream ? "m-2026" : "m");
  }
}

TEST_F(OpenAiTest, TakesAStreamWithoutDoneOnceItHasAFinishReason) {
  EXPECT_EQ(ask(stream_answer(delta("x") + kFinish)).text.reveal(), "x");
  EXPECT_EQ(ask(stream_answer(delta("x") + kDone)).text.reveal(), "x");
  const std::string both = R"(data: {"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]})"
                           "\n\n";
  EXPECT_EQ(ask(stream_answer(both)).finish_reason, FinishReason::length);
}

TEST_F(OpenAiTest, TakesAPlainAnswerFromAServerThatCannotStream) {
  const auto reply = ask(json_answer(R"({"choices":[{"message":{"content":"all at once"},"finish_reason":"stop"}]})"));
  EXPECT_EQ(streamed, "all at once");
  EXPECT_EQ(reply.text.reveal(), "all at once");
}

TEST_F(OpenAiTest, KnowsARefusalAndAFilter) {
  const auto refused =
      ask(json_answer(R"({"choices":[{"message":{"content":null,"refusal":"I can't help."},"finish_reason":"stop"}]})"),
          false);
  EXPECT_EQ(refused.finish_reason, FinishReason::refusal);
  EXPECT_EQ(refused.text.reveal(), "I can't help.");
  const std::string chunk = R"(data: {"choices":[{"delta":{"refusal":"No."},"finish_reason":null}]})"
                            "\n\n";
  EXPECT_EQ(ask(stream_answer(chunk + kFinish + kDone)).finish_reason, FinishReason::refusal);
  EXPECT_EQ(ask(json_answer(R"({"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]})"), false)
                .finish_reason,
            FinishReason::content_filter);
}

TEST_F(OpenAiTest, PassesOnTheFirstTextAtOnce) {
  bool seen = false;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + delta("first"));
    asio::steady_timer pause(peer.socket().get_executor());
    while (!seen) {
      pause.expires_after(1ms);
      co_await pause.async_wait(asio::use_awaitable);
    }
    co_await peer.send(std::string(kFinish) + kDone);
  });
  const auto from = provider(server);
  const auto asked = request();
  const Sink sink = [&](std::string_view) { seen = true; };
  EXPECT_EQ(net::await(context, from->complete(asked, sink)).text.reveal(), "first");
}

// What fails, and how.

struct Status {
  const char* status;
  const char* body;
  Code code;
  const char* named;  // in the message
};

class OpenAiStatus : public OpenAiTest, public testing::WithParamInterface<Status> {};

TEST_P(OpenAiStatus, BecomesTheCodeThatTellsWhetherToTryAgain) {
  const auto& [status, body, code, named] = GetParam();
  for (const bool stream : {true, false}) {
    const auto error = failure(answer(status, "application/json", body), stream);
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_NE(error.message.find(std::string(status).substr(0, 3)), error.message.npos) << error.message;
    EXPECT_NE(error.message.find(named), error.message.npos) << error.message;
    EXPECT_NE(error.message.find("127.0.0.1"), error.message.npos) << error.message;
  }
}

constexpr const char* kEcho =
    R"({"error":{"message":"What the person said in confidence","type":"invalid_request_error","param":null,"code":null}})";

INSTANTIATE_TEST_SUITE_P(
    OpenAi, OpenAiStatus,
    testing::Values(
        Status{"400 Bad Request", kEcho, Code::llm_error, "invalid_request_error"},
        Status{"400 Bad Request", R"({"error":{"code":"What the person said in confidence"}})", Code::llm_error, "400"},
        Status{"401 Unauthorized", R"({"error":{"type":"invalid_request_error","code":"invalid_api_key"}})",
               Code::llm_error, "invalid_api_key"},
        Status{"403 Forbidden", "{}", Code::llm_error, "key"},
        Status{"404 Not Found", R"({"error":"model not found"})", Code::llm_error, "model"},
        Status{"404 Not Found", "404 page not found", Code::llm_error, "base URL"},
        Status{"400 Bad Request", R"({"object":"error","message":"x","type":"BadRequestError","code":400})",
               Code::llm_error, "400"},
        Status{"302 Found", "", Code::llm_error, "302"},
        Status{"408 Request Timeout", "", Code::llm_unavailable, "408"},
        Status{"409 Conflict", "{}", Code::llm_unavailable, "409"},
        Status{"429 Too Many Requests", R"({"error":{"type":"requests","code":"rate_limit_exceeded"}})",
               Code::llm_unavailable, "rate_limit_exceeded"},
        Status{"429 Too Many Requests", "", Code::llm_unavailable, "429"},
        Status{"429 Too Many Requests", R"({"error":{"type":"insufficient_quota","code":"insufficient_quota"}})",
               Code::llm_error, "insufficient_quota"},
        Status{"429 Too Many Requests", R"({"error":{"type":"insufficient_quota","code":null}})", Code::llm_error,
               "insufficient_quota"},
        Status{"429 Too Many Requests", R"({"error":{"code":"credit_balance_exhausted"}})", Code::llm_error, "credit"},
        Status{"500 Oops", "<html>", Code::llm_unavailable, "500"},
        Status{"503 Busy", R"({"error":{"code":"server_is_overloaded"}})", Code::llm_unavailable, "overloaded"},
        Status{"529 Overloaded", "", Code::llm_unavailable, "529"}));

TEST_F(OpenAiTest, SaysHowLongTheServerWantsUsToWait) {
  EXPECT_EQ(failure(answer("429 Too Many", "application/json", "{}", "Retry-After: 7\r\n")).retry_after, 7'000ms);
  EXPECT_EQ(
      failure(answer("503 Busy", "application/json", "{}", "Retry-After: 7\r\nretry-after-ms: 30\r\n")).retry_after,
      30ms);
  EXPECT_EQ(failure(answer("503 Busy", "application/json", "{}")).retry_after, std::nullopt);
}

TEST_F(OpenAiTest, LetsTheServerDecideWhetherToTryAgain) {
  EXPECT_EQ(failure(answer("500 Oops", "application/json", "{}", "x-should-retry: false\r\n")).code, Code::llm_error);
  EXPECT_EQ(failure(answer("400 Bad", "application/json", "{}", "x-should-retry: true\r\n")).code,
            Code::llm_unavailable);
}

TEST_F(OpenAiTest, ReportsAnErrorInTheMiddleOfAStream) {
  const auto begun = delta("some");
  EXPECT_EQ(
      failure(stream_answer(begun +
                            R"(data: {"error":{"message":"What the person said in confidence","type":"server_error"}})"
                            "\n\n"))
          .code,
      Code::llm_unavailable);
  EXPECT_EQ(failure(stream_answer(begun + R"(data: {"error":"What the person said in confidence"})"
                                          "\n\n"))
                .code,
            Code::llm_unavailable);
  EXPECT_EQ(failure(stream_answer(R"(data: {"error":{"type":"invalid_request_error"}})"
                                  "\n\n"))
                .code,
            Code::llm_error);
  EXPECT_EQ(failure(stream_answer(begun + R"(data: {"error":{"code":"insufficient_quota"}})"
                                          "\n\n"))
                .code,
            Code::llm_error);
}

TEST_F(OpenAiTest, ReportsAStreamThatIsCutOff) {
  EXPECT_EQ(failure(stream_answer(delta("some"))).code, Code::llm_unavailable);
  EXPECT_EQ(failure([](Peer& peer) -> Task<void> {
              co_await peer.read_request();
              co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n" + delta("some"));
            }).code,
            Code::llm_unavailable);
  EXPECT_EQ(failure([](Peer& peer) -> Task<void> { co_await peer.read_request(); }).code, Code::llm_unavailable);
}

TEST_F(OpenAiTest, ReportsNonsenseAsFinal) {
  EXPECT_EQ(failure(json_answer("What the person said in confidence"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_answer("[]"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_answer(R"({"choices":"x"})"), false).code, Code::llm_error);
  EXPECT_EQ(failure(answer("200 OK", "text/html", "<html>log in</html>"), false).code, Code::llm_error);
  EXPECT_EQ(failure(stream_answer("data: What the person said in confidence\n\n")).code, Code::llm_error);
}

TEST_F(OpenAiTest, TakesNoAnswerLongerThanAMegabyte) {
  const std::string large(64 * 1024, 'x');
  std::string events;
  for (int i = 0; i < 20; ++i) events += delta(large);
  const std::string body = R"({"choices":[{"message":{"content":")" + std::string(10'000'000, 'x') + R"("}}]})";
  EXPECT_EQ(failure(stream_answer(events + kFinish + kDone)).code, Code::llm_error);
  EXPECT_LE(streamed.size(), kLongestAnswer);
  EXPECT_EQ(failure(json_answer(body), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_answer(body)).code, Code::llm_error);
  EXPECT_EQ(failure(stream_answer(delta(std::string(10'000'000, 'x')) + kFinish + kDone)).code, Code::llm_error);
  EXPECT_EQ(ask(stream_answer(delta(large) + kFinish + kDone)).text.reveal(), large);
}

TEST_F(OpenAiTest, ReportsWhichWaitEnded) {
  auto asked = request();
  const auto silent_after = [](std::string bytes) {
    return [bytes](Peer& peer) -> Task<void> {
      co_await peer.read_request();
      co_await peer.send(bytes);
      co_await peer.until_closed();
    };
  };
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  asked.timeouts.first_token = 40ms;
  for (const auto& bytes : {std::string(), head, head + ": keep-alive\n\n" + delta("")}) {
    const auto error = failure(silent_after(bytes), true, asked);
    EXPECT_EQ(error.code, Code::llm_timeout);
    EXPECT_EQ(error.details.at("stage"), "first_byte");
  }
  asked = request();
  asked.timeouts.between_tokens = 40ms;
  const auto idle = failure(silent_after(head + delta("x")), true, asked);
  EXPECT_EQ(idle.code, Code::llm_timeout);
  EXPECT_EQ(idle.details.at("stage"), "idle");
  asked = request();
  asked.timeouts.total = 40ms;
  for (const bool stream : {true, false}) {
    const auto total = failure(silent_after(""), stream, asked);
    EXPECT_EQ(total.code, Code::llm_timeout);
  }
}

TEST_F(OpenAiTest, ClosesTheCallOfACancelledTurn) {
  bool asked = false;
  bool closed = false;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + delta("x"));
    asked = true;
    co_await peer.until_closed();
    closed = true;
  });
  const auto from = provider(server);
  const auto turn = request();
  asio::cancellation_signal cancel;
  std::exception_ptr ended;
  const Sink sink = [](std::string_view) {};
  asio::co_spawn(
      context, from->complete(turn, sink),
      asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr why, const Reply&) { ended = why; }));
  while (!asked) context.run_one();
  cancel.emit(asio::cancellation_type::terminal);
  while (!closed) context.run_one();
  EXPECT_THROW(std::rethrow_exception(ended), boost::system::system_error);
}

// Health.

struct HealthCase {
  const char* status;
  Health::State state;
};

TEST_F(OpenAiTest, IsHealthyWhenTheServerAnswersAndTakesTheKey) {
  for (const auto& [status, state] :
       {HealthCase{"200 OK", Health::State::healthy}, HealthCase{"404 Not Found", Health::State::healthy},
        HealthCase{"401 Unauthorized", Health::State::unhealthy}, HealthCase{"503 Busy", Health::State::unhealthy},
        HealthCase{"429 Slow", Health::State::degraded}}) {
    requests.clear();
    Impostor server(context, answers({answer(status, "application/json", "{}")}));
    const auto health = net::await(context, provider(server)->health());
    EXPECT_EQ(health.state, state) << status;
    EXPECT_EQ(health.reason.empty(), state == Health::State::healthy);
    EXPECT_TRUE(requests.at(0).starts_with("GET /v1/models ")) << requests.at(0);
  }
  auto gone = std::make_unique<Impostor>(context, answers({""}));
  const auto from = provider(*gone);
  gone.reset();
  EXPECT_EQ(net::await(context, from->health()).state, Health::State::unhealthy);
}

TEST_F(OpenAiTest, AsksForHealthOnlyNowAndThen) {
  Impostor server(context, answers({answer("200 OK", "application/json", "{}")}));
  const auto from = provider(server);
  for (int i = 0; i < 3; ++i) net::await(context, from->health());
  EXPECT_EQ(requests.size(), 1U);
  clock.advance(10'000ms);
  net::await(context, from->health());
  EXPECT_EQ(requests.size(), 2U);
}

}  // namespace
}  // namespace llm
