#include "llm/anthropic.hpp"

#include "llm/anthropic_wire.hpp"
#include "llm/schema_dialect.hpp"
#include "llm/vendor_fixture_test.hpp"

namespace llm {
namespace {

std::string event(std::string_view type, std::string members) {
  std::ranges::replace(members, '\n', ' ');  // a field of an event is one line
  return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\"" + members + "}\n\n";
}
const std::string kBegin =
    event("message_start",
          R"(,"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x-2026","content":[],
"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":300,
"cache_read_input_tokens":2000,"output_tokens":1}})");
const std::string kText = event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})");
const std::string kPing = event("ping", "");
std::string delta(std::string_view text) {
  return event("content_block_delta",
               R"(,"index":0,"delta":{"type":"text_delta","text":)" + json::serialize(json::string(text)) + "}");
}
std::string end_with(std::string_view reason) {
  return event("content_block_stop", R"(,"index":0)") +
         event("message_delta", R"(,"delta":{"stop_reason":")" + std::string(reason) +
                                    R"(","stop_sequence":null},"usage":{"output_tokens":15})") +
         event("message_stop", "");
}
const std::string kTool =
    event("content_block_start",
          R"(,"index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"result","input":{}})");
std::string input(std::string_view fragment) {
  return event("content_block_delta", R"(,"index":1,"delta":{"type":"input_json_delta","partial_json":)" +
                                          json::serialize(json::string(fragment)) + "}");
}

struct AnthropicTest : VendorTest {
  Model model{.code = "some", .vendor = Vendor::anthropic, .id = "claude-x"};

  std::unique_ptr<Provider> provider(const Impostor& server) override {
    return make_anthropic(model, {.base_url = server.url("/v1"), .api_key = base::Secret(kTestKey)}, dependencies());
  }
  json::object sent_for(const Request& asked, bool stream = false) {
    ask(stream ? stream_ok(kBegin + end_with("end_turn"))
               : json_ok(R"({"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn"})"),
        stream, asked);
    return sent();
  }
};

// What is sent.

TEST_F(AnthropicTest, SendsTheConversationAndTheKey) {
  auto asked = request();
  asked.summary = base::PrivateText("Before that: much.");
  asked.messages.push_back({Role::assistant, base::PrivateText("quote \" line\n é 🙂")});
  asked.messages.push_back({Role::user, base::PrivateText("More")});
  asked.guidance = base::PrivateText("Be brief.");
  asked.max_tokens = 77;
  asked.temperature = 0.25;
  EXPECT_EQ(sent_for(asked), json::parse(R"({"model":"claude-x","max_tokens":77,
      "system":[{"type":"text","text":"You coach."},{"type":"text","text":"Before that: much."}],
      "messages":[
        {"role":"user","content":[{"type":"text","text":"What the person said in confidence"}]},
        {"role":"assistant","content":[{"type":"text","text":"quote \" line\n é 🙂"}]},
        {"role":"user","content":[{"type":"text","text":"More"},{"type":"text","text":"Be brief."}]}],
      "temperature":0.25})"));
  EXPECT_TRUE(requests.at(0).starts_with("POST /v1/messages HTTP/1.1\r\n")) << requests.at(0);
  EXPECT_TRUE(sent_header("x-api-key: sk-test-key-that-nobody-may-see"));
  EXPECT_TRUE(sent_header("anthropic-version: 2023-06-01"));
  EXPECT_TRUE(sent_header("Content-Type: application/json"));
  EXPECT_EQ(sent_for(request(), true).at("stream"), true);
}

TEST_F(AnthropicTest, MarksForTheCacheWhatStaysTheSame) {
  model.prompt_cache = true;
  auto asked = talk({{Role::user, "a"}, {Role::assistant, "b"}, {Role::user, "c"}}, "Be brief.");
  asked.summary = base::PrivateText("Much.");
  const auto mark = json::parse(R"({"type":"ephemeral"})");
  auto body = sent_for(asked);
  EXPECT_EQ(body.at("system").at(0).at("cache_control"), mark);
  EXPECT_EQ(body.at("system").at(1).at("cache_control"), mark);
  const auto& last = body.at("messages").at(2).at("content");
  EXPECT_EQ(last.at(0).at("cache_control"), mark);
  EXPECT_FALSE(last.at(1).as_object().contains("cache_control")) << "the guidance is another each time";
  std::size_t marks = 0;
  for (auto at = requests.back().find("cache_control"); at != std::string::npos;
       at = requests.back().find("cache_control", at + 1)) {
    ++marks;
  }
  EXPECT_EQ(marks, 3U) << "four are allowed";

  const auto resumed = sent_for(talk({{Role::user, "a"}, {Role::assistant, "b"}}, "Welcome them back."));
  EXPECT_EQ(resumed.at("messages").at(1).at("content").at(0).at("cache_control"), mark);
  EXPECT_EQ(json::serialize(resumed.at("messages").at(2)).find("cache_control"), std::string::npos);
}

TEST_F(AnthropicTest, KeepsTheBytesOfThePromptFromTurnToTurn) {
  const auto first = sent_for(talk({{Role::user, "a"}}, "one"));
  const auto second = sent_for(talk({{Role::user, "a"}, {Role::assistant, "b"}, {Role::user, "c"}}, "two"));
  EXPECT_EQ(json::serialize(first.at("system")), json::serialize(second.at("system")));
  EXPECT_EQ(json::serialize(first.at("messages").at(0).at("content").at(0)),
            json::serialize(second.at("messages").at(0).at("content").at(0)));
}

TEST_F(AnthropicTest, LetsTheRolesAlternateAndTheUserBeginAndEnd) {
  const auto roles = [&](const Request& asked) {
    std::string found;
    for (const auto& message : sent_for(asked).at("messages").as_array()) {
      found += message.at("role") == "user" ? "u" : "a";
      found += std::to_string(message.at("content").as_array().size());
    }
    return found;
  };
  EXPECT_EQ(roles(talk({}, "Begin.")), "u1");
  EXPECT_EQ(sent().at("messages").at(0).at("content").at(0).at("text"), "Begin.");
  EXPECT_EQ(roles(talk({})), "u1");
  EXPECT_EQ(roles(talk({{Role::assistant, "Welcome."}, {Role::user, "a"}}, "g")), "u1a1u2");
  EXPECT_EQ(roles(talk({{Role::user, "a"}, {Role::user, "b"}, {Role::user, " \n"}})), "u2");
  EXPECT_EQ(roles(talk({{Role::user, "a"}, {Role::assistant, "b"}})), "u1a1u1");
  EXPECT_EQ(roles(talk({{Role::user, "a"}, {Role::assistant, "b"}}, "g")), "u1a1u1");
}

TEST_F(AnthropicTest, AsksForASchemaAsTheModelTakesIt) {
  const auto schema =
      json::parse(R"({"type":"object","properties":{"a":{"type":"string","maxLength":9}},"required":["a"],
      "additionalProperties":false})");
  auto asked = talk({{Role::user, "a"}}, "Be brief.");
  asked.schema = &schema;
  asked.schema_name = "result";
  auto body = sent_for(asked);
  EXPECT_EQ(body.at("output_config").at("format").at("type"), "json_schema");
  EXPECT_EQ(body.at("output_config").at("format").at("schema"), to_dialect(schema, Dialect::anthropic));
  EXPECT_FALSE(body.contains("tools"));

  model.structured = StructuredOutput::words;
  body = sent_for(asked);
  EXPECT_FALSE(body.contains("output_config"));
  const std::string_view guidance = body.at("messages").at(0).at("content").at(1).at("text").as_string();
  EXPECT_TRUE(guidance.starts_with("Be brief.\n\n")) << guidance;
  EXPECT_NE(guidance.find(R"("maxLength":9)"), guidance.npos) << guidance;
}

TEST_F(AnthropicTest, ForcesAToolWhereTheModelTakesNoSchema) {
  const auto schema = json::parse(R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})");
  model.structured = StructuredOutput::tool;
  auto asked = request();
  asked.schema = &schema;
  asked.schema_name = "result";
  const auto reply = ask(stream_ok(kBegin + kText + delta("Let me think.") + kTool + input("") + input("{\"a\": \"h") +
                                   input("i\"}") + end_with("tool_use")),
                         true, asked);
  EXPECT_EQ(reply.text.reveal(), R"({"a": "hi"})");
  EXPECT_EQ(streamed, reply.text.reveal());
  EXPECT_EQ(reply.finish_reason, FinishReason::stop);
  const auto body = sent();
  EXPECT_EQ(body.at("tool_choice"), json::parse(R"({"type":"tool","name":"result","disable_parallel_tool_use":true})"));
  EXPECT_EQ(body.at("tools").at(0).at("name"), "result");
  EXPECT_EQ(body.at("tools").at(0).at("input_schema"), to_dialect(schema, Dialect::anthropic));

  const auto plain =
      ask(json_ok(R"({"content":[{"type":"text","text":"So:"},{"type":"tool_use","id":"t","name":"result",
      "input":{"a":"hi"}},{"type":"tool_use","id":"u","name":"result","input":{"a":"no"}}],"stop_reason":"tool_use"})"),
          false, asked);
  EXPECT_EQ(plain.text.reveal(), R"({"a":"hi"})");
  const auto refused = ask(stream_ok(kBegin + kText + delta("I can't.") + end_with("refusal")), true, asked);
  EXPECT_EQ(refused.text.reveal(), "I can't.") << "no tool was called";
  EXPECT_EQ(refused.finish_reason, FinishReason::refusal);
}

TEST_F(AnthropicTest, MakesAToolOfASchemaThatIsTooComplex) {
  json::object properties;
  for (int i = 0; i < 17; ++i) properties["p" + std::to_string(i)] = json::parse(R"({"type":["string","null"]})");
  const json::value schema{{"type", "object"}, {"properties", properties}};
  auto asked = request();
  asked.schema = &schema;
  const auto reply =
      ask(json_ok(R"({"content":[{"type":"tool_use","name":"answer","input":{"p0":"x"}}]})"), false, asked);
  EXPECT_EQ(reply.text.reveal(), R"({"p0":"x"})");
  EXPECT_FALSE(sent().contains("output_config"));
  EXPECT_EQ(sent().at("tools").at(0).at("name"), "answer");
}

TEST_F(AnthropicTest, LeavesOutWhatTheModelRefuses) {
  model.temperature = false;
  model.reasoning_effort = "minimal";
  model.reasoning_tokens = 500;
  auto body = sent_for(request());
  EXPECT_EQ(body.at("max_tokens"), 1'524);
  EXPECT_FALSE(body.contains("temperature"));
  EXPECT_EQ(body.at("output_config"), json::parse(R"({"effort":"low"})"));
  model.reasoning_effort = "none";
  body = sent_for(request());
  EXPECT_EQ(body.at("thinking"), json::parse(R"({"type":"disabled"})"));
  EXPECT_FALSE(body.contains("output_config"));
  model.temperature = true;
  auto hot = request();
  hot.temperature = 1.6;
  EXPECT_EQ(sent_for(hot).at("temperature").to_number<double>(), 1.0) << "it goes no higher here";
}

TEST_F(AnthropicTest, RefusesOptionsItCannotUse) {
  const auto code = [&](const Model& of, const AnthropicOptions& options) {
    try {
      make_anthropic(of, options, dependencies());
    } catch (const base::Error& error) {
      return error.code;
    }
    return Code::internal_error;
  };
  EXPECT_EQ(code({}, {}), Code::validation_error);
  EXPECT_EQ(code(model, {.base_url = "localhost:1"}), Code::validation_error);
  EXPECT_EQ(code(model, {.api_key = base::Secret("key\n")}), Code::validation_error);
}

// What is understood.

TEST_F(AnthropicTest, ReadsAPlainAnswer) {
  const auto reply = ask(json_ok(R"({"id":"msg_9","type":"message","role":"assistant","model":"claude-x-2026",
          "content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Hello."},{"type":"new"}],
          "stop_reason":"end_turn","stop_sequence":null,
          "usage":{"input_tokens":10,"cache_creation_input_tokens":300,"cache_read_input_tokens":2000,"output_tokens":5}})",
                                 "request-id: req_77\r\n"),
                         false);
  EXPECT_EQ(reply.text.reveal(), "Hello.");
  EXPECT_EQ(reply.finish_reason, FinishReason::stop);
  EXPECT_EQ(reply.model, "claude-x-2026");
  EXPECT_EQ(reply.provider_request_id, "req_77");
  EXPECT_EQ(reply.usage.prompt_tokens, 2310) << "what came from the cache and went into it is part of the prompt";
  EXPECT_EQ(reply.usage.cached_tokens, 2000);
  EXPECT_EQ(reply.usage.cache_write_tokens, 300);
  EXPECT_EQ(reply.usage.completion_tokens, 5);
  EXPECT_FALSE(reply.usage.estimated);
}

TEST_F(AnthropicTest, ReadsAStream) {
  const auto reply = ask(stream_ok(kBegin + kPing + kText + delta("Wha") + kPing + delta("t é🙂\n") + delta("?") +
                                       event("of_tomorrow", R"(,"x":1)") + end_with("end_turn"),
                                   "request-id: req_5\r\n"));
  EXPECT_EQ(reply.text.reveal(), "What é🙂\n?");
  EXPECT_EQ(streamed, reply.text.reveal());
  EXPECT_EQ(reply.model, "claude-x-2026");
  EXPECT_EQ(reply.provider_request_id, "req_5");
  EXPECT_EQ(reply.usage.prompt_tokens, 2310);
  EXPECT_EQ(reply.usage.completion_tokens, 15) << "the last count is the sum";
}

TEST_F(AnthropicTest, PassesOverThoughts) {
  const auto thoughts =
      event("content_block_start", R"(,"index":0,"content_block":{"type":"thinking","thinking":"","signature":""})") +
      event("content_block_delta", R"(,"index":0,"delta":{"type":"thinking_delta","thinking":"secret"})") +
      event("content_block_delta", R"(,"index":0,"delta":{"type":"signature_delta","signature":"abc"})") +
      event("content_block_stop", R"(,"index":0)");
  EXPECT_EQ(ask(stream_ok(kBegin + thoughts + kText + delta("So.") + end_with("end_turn"))).text.reveal(), "So.");
  const Sink none;
  AnthropicAnswer answer("s", none, false);
  answer.take_piece(kBegin + kPing);
  EXPECT_FALSE(answer.has_begun()) << "a ping is no word";
  answer.take_piece(thoughts);
  EXPECT_TRUE(answer.has_begun());
}

TEST_F(AnthropicTest, KnowsWhyTheModelStopped) {
  for (const auto& [reason, expected] : {std::pair{"end_turn", FinishReason::stop},
                                         {"stop_sequence", FinishReason::stop},
                                         {"max_tokens", FinishReason::length},
                                         {"model_context_window_exceeded", FinishReason::length},
                                         {"pause_turn", FinishReason::length},
                                         {"refusal", FinishReason::refusal},
                                         {"of_tomorrow", FinishReason::stop}}) {
    EXPECT_EQ(ask(stream_ok(kBegin + kText + delta("x") + end_with(reason))).finish_reason, expected) << reason;
    const auto body = std::string(R"({"content":[],"stop_reason":")") + reason + "\"}";
    EXPECT_EQ(ask(json_ok(body), false).finish_reason, expected) << reason;
  }
}

TEST_F(AnthropicTest, EstimatesTheUsageThatDidNotCome) {
  const auto reply = ask(json_ok(R"({"content":[{"type":"text","text":"eight by"}]})"), false);
  EXPECT_TRUE(reply.usage.estimated);
  EXPECT_EQ(reply.usage.completion_tokens, 2);
  EXPECT_GT(reply.usage.prompt_tokens, 10);
  EXPECT_EQ(reply.model, "claude-x");
}

TEST_F(AnthropicTest, KeepsTheConnectionAfterAStream) {
  expect_connection_is_kept(kBegin + kText + delta("x") + end_with("end_turn"));
}

// What fails, and how.

TEST_F(AnthropicTest, TellsWhetherToTryAgain) {
  struct Case {
    const char* status;
    const char* type;
    Code code;
  };
  for (const auto& [status, type, code] : {Case{"400 Bad Request", "invalid_request_error", Code::llm_error},
                                           Case{"401 Unauthorized", "authentication_error", Code::llm_error},
                                           Case{"402 Payment Required", "billing_error", Code::llm_error},
                                           Case{"403 Forbidden", "permission_error", Code::llm_error},
                                           Case{"404 Not Found", "not_found_error", Code::llm_error},
                                           Case{"413 Too Large", "request_too_large", Code::llm_error},
                                           Case{"429 Too Many", "rate_limit_error", Code::llm_unavailable},
                                           Case{"500 Oops", "api_error", Code::llm_unavailable},
                                           Case{"504 Timeout", "timeout_error", Code::llm_unavailable},
                                           Case{"529 Overloaded", "overloaded_error", Code::llm_unavailable}}) {
    const auto body = std::string(R"({"type":"error","error":{"type":")") + type +
                      R"(","message":"What the person said in confidence"},"request_id":"req_1"})";
    for (const bool stream : {true, false}) {
      const auto error = failure(http_answer(status, "application/json", body), stream);
      EXPECT_EQ(error.code, code) << error.message;
      EXPECT_NE(error.message.find(type), error.message.npos) << error.message;
    }
  }
  EXPECT_EQ(failure(http_answer("429 Too Many", "application/json", "{}", "retry-after: 7\r\n")).retry_after, 7'000ms);
  EXPECT_EQ(
      failure(http_answer("429 Too Many", "application/json", R"({"type":"error","error":{"type":"rate_limit_error",
      "message":"x","details":{"error_code":"enforced_spend_limit_reached"}}})"))
          .code,
      Code::llm_error);
}

TEST_F(AnthropicTest, ReportsAnErrorInTheMiddleOfAStream) {
  const auto broken = [&](const char* type) {
    return failure(stream_ok(kBegin + kText + delta("some") +
                             event("error", std::string(R"(,"error":{"type":")") + type +
                                                R"(","message":"What the person said in confidence"})")))
        .code;
  };
  EXPECT_EQ(broken("overloaded_error"), Code::llm_unavailable);
  EXPECT_EQ(broken("api_error"), Code::llm_unavailable);
  EXPECT_EQ(broken("invalid_request_error"), Code::llm_error);
  EXPECT_EQ(streamed, "some");
}

TEST_F(AnthropicTest, ReportsAStreamThatIsCutOff) { expect_cut_off_fails(kBegin + kText + delta("some")); }

TEST_F(AnthropicTest, ReportsNonsenseAsFinal) {
  EXPECT_EQ(failure(json_ok("What the person said in confidence"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_ok("[]"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_ok(R"({"content":"x"})"), false).code, Code::llm_error);
  EXPECT_EQ(failure(http_answer("200 OK", "text/html", "<html>"), false).code, Code::llm_error);
  EXPECT_EQ(failure(stream_ok("data: What the person said in confidence\n\n")).code, Code::llm_error);
  EXPECT_EQ(failure(stream_ok(kBegin + event("message_stop", ""))).code, Code::llm_error);
}

TEST_F(AnthropicTest, EndsWaitsThatTakeTooLong) {
  expect_waits_end({kStreamHead + kBegin + kPing}, kStreamHead + kBegin + kText + delta("x"));
}

TEST_F(AnthropicTest, ReadsAStreamThatComesByteByByte) {
  expect_read_byte_by_byte(kBegin + kText + delta("é🙂") + end_with("end_turn"), "é🙂");
}

TEST_F(AnthropicTest, IsHealthyWhenTheServerAnswersAndTakesTheKey) {
  expect_health({{"200 OK", Health::State::healthy},
                 {"401 Unauthorized", Health::State::unhealthy},
                 {"529 Overloaded", Health::State::unhealthy},
                 {"429 Slow", Health::State::degraded}},
                "/v1/models", "x-api-key: sk-test-key-that-nobody-may-see");
}

TEST(AnthropicAnswer, SurvivesEveryBrokenByte) {
  const auto stream = kBegin + kPing + kText + delta("Hel") + delta("lo é🙂") + end_with("end_turn");
  expect_robust<AnthropicAnswer>(stream, true);
  expect_robust<AnthropicAnswer>(
      kBegin + kText + delta("So:") + kTool + input("{\"a\":") + input("1}") + end_with("tool_use"), true, true);
  const std::string body = R"({"id":"msg_9","type":"message","model":"m","content":[{"type":"thinking","thinking":"hm"},
      {"type":"text","text":"Hello."}],"stop_reason":"end_turn","usage":{"input_tokens":9223372036854775807,
      "cache_read_input_tokens":1e300,"cache_creation_input_tokens":-5,"output_tokens":5}})";
  expect_robust<AnthropicAnswer>(body, false);
}

}  // namespace
}  // namespace llm
