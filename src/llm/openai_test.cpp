#include "llm/openai.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "llm/openai_body.hpp"
#include "llm/openai_fixture_test.hpp"
#include "llm/openai_wire.hpp"

namespace llm {
namespace {

// What is sent.

TEST_F(OpenAiTest, SendsTheConversationAndTheKey) {
  Impostor server(context, answers({json_ok(R"({"choices":[{"message":{"content":"x"}}]})")}));
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
  Impostor server(context, answers({stream_ok(delta("{}") + kFinish + kDone)}));
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

TEST_F(OpenAiTest, SendsWhatTheModelTakes) {
  Impostor server(context, answers({json_ok(R"({"choices":[{"message":{"content":"x"}}]})")}));
  auto model = some_model();
  model.temperature = false;
  model.reasoning_effort = "minimal";
  model.reasoning_tokens = 500;
  const auto from = provider(server, {.store = true}, model);
  auto asked = request();
  asked.summary = base::PrivateText("Before this.");
  asked.guidance = base::PrivateText("Be short.");
  complete(*from, asked, false);
  EXPECT_EQ(sent(), json::parse(R"({"model":"m","messages":[{"role":"system","content":"You coach."},
      {"role":"system","content":"Before this."},{"role":"user","content":"What the person said in confidence"},
      {"role":"system","content":"Be short."}],"max_completion_tokens":1524,"reasoning_effort":"minimal","store":true})")
                        .as_object());
}

TEST_F(OpenAiTest, TellsOpenAiWhatOthersWouldNotKnow) {
  const auto asked = [] {
    auto asked = request();
    asked.topic = "core_values";
    return asked;
  }();
  const auto body_for = [&](std::string_view host) {
    return json::parse(chat_request_body(openai_dialect(some_model(), {}, host), asked, true)).as_object();
  };
  const auto body = body_for("api.openai.com");
  EXPECT_TRUE(body.contains("max_completion_tokens"));
  EXPECT_EQ(body.at("store"), false);
  EXPECT_EQ(body.at("stream_options"), json::parse(R"({"include_usage":true,"include_obfuscation":false})"));
  EXPECT_EQ(body.at("prompt_cache_key"), json::value(prompt_cache_key(asked)));
  EXPECT_EQ(body_for("eu.api.openai.com"), body);
  const auto elsewhere = body_for("api.openai.com.example");
  EXPECT_TRUE(elsewhere.contains("max_tokens"));
  EXPECT_EQ(elsewhere.at("stream_options"), json::parse(R"({"include_usage":true})"));
  for (const auto* name : {"store", "prompt_cache_key"}) EXPECT_FALSE(elsewhere.contains(name)) << name;
}

TEST(OpenAiCacheKey, IsTheTopicsAndNobodysOwn) {
  Request one;
  one.topic = "core_values";
  one.reference = "conv_1";
  one.messages.push_back({Role::user, base::PrivateText("Hello.")});
  Request other;
  other.topic = "core_values";
  other.reference = "conv_2";
  EXPECT_EQ(prompt_cache_key(one), prompt_cache_key(other));
  EXPECT_EQ(prompt_cache_key(one), "pp-8e7ef2a01c590369");  // in every process, on every machine
  other.schema_name = "assessment";
  EXPECT_NE(prompt_cache_key(one), prompt_cache_key(other));
  other = {};
  other.topic = "purpose";
  EXPECT_NE(prompt_cache_key(one), prompt_cache_key(other));
}

TEST(OpenAiDefaults, KnowAReasoningModelByItsName) {
  for (const auto* id :
       {"o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5.2", "gpt-5-nano", "gpt-51", "gpt-7-sol", "gpt-12.1"}) {
    const auto model = openai_defaults(Vendor::openai, id);
    EXPECT_EQ(model.id, id);
    EXPECT_FALSE(model.temperature) << id;
    EXPECT_EQ(model.token_parameter, "max_completion_tokens") << id;
    EXPECT_EQ(model.reasoning_effort, "low") << id;
    EXPECT_EQ(model.api, OpenAiApi::chat) << id;
    EXPECT_EQ(model.encoding, "o200k_base") << id;
    EXPECT_EQ(room_of(model).tokens_for({}), 1024 + 4096) << id;
  }
  for (const auto* id : {"gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "gpt-6-chat", "gpt-35-turbo", "gpt-41",
                         "gpt-oss", "olmo-2", "o", "llama3.2", "gpt-oss:20b", "gpt-"}) {
    const auto model = openai_defaults(Vendor::openai, id);
    EXPECT_TRUE(model.temperature) << id;
    EXPECT_EQ(model.token_parameter, "") << id;
    EXPECT_EQ(model.reasoning_effort, "") << id;
    EXPECT_EQ(room_of(model).tokens_for({}), 1024) << id;
  }
  EXPECT_EQ(openai_defaults(Vendor::azure, "gpt-5.4-pro").api, OpenAiApi::responses);
  EXPECT_EQ(openai_defaults(Vendor::azure, "gpt-5.4-pro").reasoning_effort, "");
  EXPECT_EQ(openai_defaults(Vendor::azure, "gpt-5.4-pro").reasoning_tokens, 16'384);
  EXPECT_EQ(openai_defaults(Vendor::openai, "gpt-4-turbo").encoding, "cl100k_base");
  EXPECT_EQ(openai_defaults(Vendor::azure, "gpt-35-turbo").encoding, "cl100k_base");
  EXPECT_EQ(openai_defaults(Vendor::azure, "gpt-41-mini").encoding, "o200k_base");
  EXPECT_EQ(openai_defaults(Vendor::openai, "gpt-oss:20b").encoding, "");
  EXPECT_TRUE(openai_defaults(Vendor::compatible, "o1-distilled").temperature);
}

TEST_F(OpenAiTest, WithoutAKeySendsNone) {
  Impostor server(context, answers({json_ok(R"({"choices":[{"message":{"content":"x"}}]})")}));
  OpenAiOptions options{.base_url = server.url("/v1")};
  const auto from = make_openai(some_model(), options, dependencies());
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
      make_openai(model, options, dependencies());
      ADD_FAILURE();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, Code::validation_error);
    }
  }
}

// What is understood.

TEST_F(OpenAiTest, ReadsAPlainAnswer) {
  const auto reply =
      ask(json_ok(R"({"id":"c9","object":"chat.completion","model":"m-2026","choices":[{"index":0,"message":
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
  const auto reply =
      ask(stream_ok(": hi\n\n" + delta("") + delta("Wha") + delta("t é🙂\n") + delta("?") + kFinish + kUsage + kDone));
  EXPECT_EQ(reply.text.reveal(), "What é🙂\n?");
  EXPECT_EQ(streamed, reply.text.reveal());
  EXPECT_EQ(reply.model, "m-2026");
  EXPECT_EQ(reply.provider_request_id, "c1");
  EXPECT_EQ(reply.usage.prompt_tokens, 12);
  EXPECT_EQ(reply.usage.completion_tokens, 3);
  EXPECT_EQ(reply.usage.cached_tokens, 8);
}

TEST_F(OpenAiTest, KeepsTheConnectionAfterAStream) { expect_connection_is_kept(delta("x") + kFinish + kUsage + kDone); }

TEST_F(OpenAiTest, EstimatesTheUsageThatDidNotCome) {
  for (const bool stream : {true, false}) {
    const auto reply =
        ask(stream ? stream_ok(delta("eight by") + kFinish + kDone)
                   : json_ok(R"({"choices":[{"message":{"content":"eight by"},"finish_reason":"stop"}]})"),
            stream);
    EXPECT_TRUE(reply.usage.estimated);
    EXPECT_EQ(reply.usage.completion_tokens, 2);
    EXPECT_GT(reply.usage.prompt_tokens, 10);
    EXPECT_EQ(reply.model, stream ? "m-2026" : "m");
  }
}

TEST_F(OpenAiTest, TakesAStreamWithoutDoneOnceItHasAFinishReason) {
  EXPECT_EQ(ask(stream_ok(delta("x") + kFinish)).text.reveal(), "x");
  EXPECT_EQ(ask(stream_ok(delta("x") + kDone)).text.reveal(), "x");
  const std::string both = R"(data: {"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]})"
                           "\n\n";
  EXPECT_EQ(ask(stream_ok(both)).finish_reason, FinishReason::length);
}

TEST_F(OpenAiTest, TakesAPlainAnswerFromAServerThatCannotStream) {
  const auto reply = ask(json_ok(R"({"choices":[{"message":{"content":"all at once"},"finish_reason":"stop"}]})"));
  EXPECT_EQ(streamed, "all at once");
  EXPECT_EQ(reply.text.reveal(), "all at once");
}

TEST_F(OpenAiTest, KnowsARefusalAndAFilter) {
  const auto refused = ask(
      json_ok(R"({"choices":[{"message":{"content":null,"refusal":"I can't help."},"finish_reason":"stop"}]})"), false);
  EXPECT_EQ(refused.finish_reason, FinishReason::refusal);
  EXPECT_EQ(refused.text.reveal(), "I can't help.");
  const std::string chunk = R"(data: {"choices":[{"delta":{"refusal":"No."},"finish_reason":null}]})"
                            "\n\n";
  EXPECT_EQ(ask(stream_ok(chunk + kFinish + kDone)).finish_reason, FinishReason::refusal);
  EXPECT_EQ(
      ask(json_ok(R"({"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]})"), false).finish_reason,
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
    const auto error = failure(http_answer(status, "application/json", body), stream);
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
  EXPECT_EQ(failure(http_answer("429 Too Many", "application/json", "{}", "Retry-After: 7\r\n")).retry_after, 7'000ms);
  EXPECT_EQ(failure(http_answer("503 Busy", "application/json", "{}", "Retry-After: 7\r\nretry-after-ms: 30\r\n"))
                .retry_after,
            30ms);
  EXPECT_EQ(failure(http_answer("503 Busy", "application/json", "{}")).retry_after, std::nullopt);
}

TEST_F(OpenAiTest, WaitsForTheLimitsResetWhenTheServerSaysNothingElse) {
  const std::string limits =
      "x-ratelimit-remaining-requests: 12\r\nx-ratelimit-reset-requests: 8s\r\n"
      "x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 1m2s\r\n";
  const auto refused = [&](const char* status, const std::string& more) {
    return failure(http_answer(status, "application/json", "{}", limits + more)).retry_after;
  };
  EXPECT_EQ(refused("429 Too Many", ""), 62'000ms);
  EXPECT_EQ(refused("429 Too Many", "Retry-After: 7\r\n"), 7'000ms);
  EXPECT_EQ(refused("503 Busy", ""), std::nullopt);
  EXPECT_NE(metrics.prometheus_text().find(R"(ratelimit_remaining{model="some",kind="tokens"} 0)"), std::string::npos);
}

TEST_F(OpenAiTest, ShowsWhatIsLeftOfTheLimits) {
  ask(json_ok(R"({"choices":[{"message":{"content":"x"}}]})", "x-ratelimit-remaining-requests: 59\r\n"), false);
  const auto text = metrics.prometheus_text();
  EXPECT_NE(text.find(R"(purposepath_llm_ratelimit_remaining{model="some",kind="requests"} 59)"), text.npos) << text;
  EXPECT_EQ(text.find(R"(kind="tokens")"), text.npos) << text;
}

TEST_F(OpenAiTest, LetsTheServerDecideWhetherToTryAgain) {
  EXPECT_EQ(failure(http_answer("500 Oops", "application/json", "{}", "x-should-retry: false\r\n")).code,
            Code::llm_error);
  EXPECT_EQ(failure(http_answer("400 Bad", "application/json", "{}", "x-should-retry: true\r\n")).code,
            Code::llm_unavailable);
}

TEST_F(OpenAiTest, ReportsAnErrorInTheMiddleOfAStream) {
  const auto begun = delta("some");
  EXPECT_EQ(
      failure(stream_ok(begun +
                        R"(data: {"error":{"message":"What the person said in confidence","type":"server_error"}})"
                        "\n\n"))
          .code,
      Code::llm_unavailable);
  EXPECT_EQ(failure(stream_ok(begun + R"(data: {"error":"What the person said in confidence"})"
                                      "\n\n"))
                .code,
            Code::llm_unavailable);
  EXPECT_EQ(failure(stream_ok(R"(data: {"error":{"type":"invalid_request_error"}})"
                              "\n\n"))
                .code,
            Code::llm_error);
  EXPECT_EQ(failure(stream_ok(begun + R"(data: {"error":{"code":"insufficient_quota"}})"
                                      "\n\n"))
                .code,
            Code::llm_error);
}

TEST_F(OpenAiTest, ReportsAStreamThatIsCutOff) { expect_cut_off_fails(delta("some")); }

TEST_F(OpenAiTest, ReportsNonsenseAsFinal) {
  EXPECT_EQ(failure(json_ok("What the person said in confidence"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_ok("[]"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_ok(R"({"choices":"x"})"), false).code, Code::llm_error);
  EXPECT_EQ(failure(http_answer("200 OK", "text/html", "<html>log in</html>"), false).code, Code::llm_error);
  EXPECT_EQ(failure(stream_ok("data: What the person said in confidence\n\n")).code, Code::llm_error);
  EXPECT_EQ(failure(stream_ok(kDone)).code, Code::llm_error);
  EXPECT_EQ(failure(stream_ok(std::string(kUsage) + kDone)).code, Code::llm_error);
}

TEST_F(OpenAiTest, TakesNoAnswerLongerThanAMegabyte) {
  const std::string large(64 * 1024, 'x');
  std::string events;
  for (int i = 0; i < 20; ++i) events += delta(large);
  const std::string body = R"({"choices":[{"message":{"content":")" + std::string(10'000'000, 'x') + R"("}}]})";
  EXPECT_EQ(failure(stream_ok(events + kFinish + kDone)).code, Code::llm_error);
  EXPECT_LE(streamed.size(), kLongestAnswer);
  EXPECT_EQ(failure(json_ok(body), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_ok(body)).code, Code::llm_error);
  EXPECT_EQ(failure(stream_ok(delta(std::string(10'000'000, 'x')) + kFinish + kDone)).code, Code::llm_error);
  EXPECT_EQ(ask(stream_ok(delta(large) + kFinish + kDone)).text.reveal(), large);
}

TEST_F(OpenAiTest, ReportsWhichWaitEnded) {
  const std::string head = kStreamHead;
  expect_waits_end({"", head, head + ": keep-alive\n\n" + delta("")}, head + delta("x"));
  auto asked = request();
  asked.timeouts.total = 40ms;
  for (const bool stream : {true, false}) {
    EXPECT_EQ(failure(silent_after(""), stream, asked).code, Code::llm_timeout);
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

TEST_F(OpenAiTest, IsHealthyWhenTheServerAnswersAndTakesTheKey) {
  expect_health({{"200 OK", Health::State::healthy},
                 {"404 Not Found", Health::State::healthy},
                 {"401 Unauthorized", Health::State::unhealthy},
                 {"503 Busy", Health::State::unhealthy},
                 {"429 Slow", Health::State::degraded}},
                "/v1/models", "Authorization: Bearer sk-test-key-that-nobody-may-see");
  auto gone = std::make_unique<Impostor>(context, answers({""}));
  const auto from = provider(*gone);
  gone.reset();
  EXPECT_EQ(net::await(context, from->health()).state, Health::State::unhealthy);
}

TEST_F(OpenAiTest, AsksForHealthOnlyNowAndThen) {
  Impostor server(context, answers({http_answer("200 OK", "application/json", "{}")}));
  const auto from = provider(server);
  for (int i = 0; i < 3; ++i) net::await(context, from->health());
  EXPECT_EQ(requests.size(), 1U);
  clock.advance(10'000ms);
  net::await(context, from->health());
  EXPECT_EQ(requests.size(), 2U);
}

}  // namespace
}  // namespace llm
