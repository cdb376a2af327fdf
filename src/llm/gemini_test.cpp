#include "llm/gemini.hpp"

#include "llm/gemini_wire.hpp"
#include "llm/schema_dialect.hpp"
#include "llm/vendor_fixture_test.hpp"

namespace llm {
namespace {

constexpr const char* kMeta = R"("modelVersion":"gemini-x-001","responseId":"r1")";

std::string data(std::string chunk) {
  std::ranges::replace(chunk, '\n', ' ');  // a field of an event is one line
  return "data: " + chunk + "\r\n\r\n";
}
// As the server ends its lines and events.
std::string chunk(std::string_view text) {
  return data(R"({"candidates":[{"content":{"parts":[{"text":)" + json::serialize(json::string(text)) +
              R"(}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":40,"totalTokenCount":40},)" +
              kMeta + "}");
}
std::string end_with(std::string_view reason) {
  return data(R"({"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":")" +
              std::string(reason) + R"(","index":0}],"usageMetadata":{"promptTokenCount":40,"candidatesTokenCount":6,
              "thoughtsTokenCount":9,"totalTokenCount":55,"cachedContentTokenCount":32},)" +
              kMeta + "}");
}
std::string plain(std::string_view parts, std::string_view reason = "STOP") {
  return R"({"candidates":[{"content":{"role":"model","parts":[)" + std::string(parts) + R"(]},"finishReason":")" +
         std::string(reason) + R"("}]})";
}
std::string error_body(int code, std::string_view status, std::string_view details = "") {
  return R"({"error":{"code":)" + std::to_string(code) +
         R"(,"message":"What the person said in confidence","status":")" + std::string(status) + R"(","details":[)" +
         std::string(details) + "]}}";
}

struct GeminiTest : VendorTest {
  Model model{.code = "some", .vendor = Vendor::gemini, .id = "gemini-x"};

  std::unique_ptr<Provider> provider(const Impostor& server) override {
    return make_gemini(model, {.base_url = server.url("/v1beta"), .api_key = base::Secret(kTestKey)}, dependencies());
  }
  json::object sent_for(const Request& asked) {
    ask(json_ok(plain(R"({"text":"x"})")), false, asked);
    return sent();
  }
};

// What is sent.

TEST_F(GeminiTest, SendsTheConversationAndTheKey) {
  auto asked = request();
  asked.summary = base::PrivateText("Before that: much.");
  asked.messages.push_back({Role::assistant, base::PrivateText("quote \" line\n é 🙂")});
  asked.messages.push_back({Role::user, base::PrivateText("More")});
  asked.guidance = base::PrivateText("Be brief.");
  asked.max_tokens = 77;
  asked.temperature = 0.25;
  EXPECT_EQ(sent_for(asked), json::parse(R"({
      "systemInstruction":{"parts":[{"text":"You coach."},{"text":"Before that: much."}]},
      "contents":[
        {"role":"user","parts":[{"text":"What the person said in confidence"}]},
        {"role":"model","parts":[{"text":"quote \" line\n é 🙂"}]},
        {"role":"user","parts":[{"text":"More"},{"text":"Be brief."}]}],
      "generationConfig":{"maxOutputTokens":77,"temperature":0.25}})"));
  EXPECT_TRUE(requests.back().starts_with("POST /v1beta/models/gemini-x:generateContent HTTP/1.1\r\n"));
  EXPECT_TRUE(sent_header("x-goog-api-key: sk-test-key-that-nobody-may-see"));
  EXPECT_TRUE(sent_header("Content-Type: application/json"));
  ask(stream_ok(end_with("STOP")));
  EXPECT_TRUE(requests.back().starts_with("POST /v1beta/models/gemini-x:streamGenerateContent?alt=sse HTTP/1.1\r\n"));
  model.id = "tunedModels/mine-1";
  sent_for(asked);
  EXPECT_TRUE(requests.back().starts_with("POST /v1beta/tunedModels/mine-1:generateContent ")) << requests.back();
}

TEST_F(GeminiTest, MakesTheGuidanceTheFirstMessageWhenThereIsNone) {
  auto asked = request();
  asked.messages.clear();
  asked.guidance = base::PrivateText("Begin.");
  EXPECT_EQ(sent_for(asked).at("contents"), json::parse(R"([{"role":"user","parts":[{"text":"Begin."}]}])"));
}

TEST_F(GeminiTest, AsksForASchemaAsTheModelTakesIt) {
  const auto schema =
      json::parse(R"({"type":"object","properties":{"a":{"type":"string","maxLength":9}},"required":["a"]})");
  auto asked = request();
  asked.schema = &schema;
  asked.schema_name = "result";
  auto config = sent_for(asked).at("generationConfig").as_object();
  EXPECT_EQ(config.at("responseMimeType"), "application/json");
  EXPECT_EQ(config.at("responseJsonSchema"), to_dialect(schema, Dialect::gemini));

  model.structured = StructuredOutput::json;
  auto body = sent_for(asked);
  EXPECT_EQ(body.at("generationConfig").at("responseMimeType"), "application/json");
  EXPECT_FALSE(body.at("generationConfig").as_object().contains("responseJsonSchema"));
  EXPECT_NE(requests.back().find(R"(\"maxLength\":9)"), std::string::npos) << "it is said in words";

  model.structured = StructuredOutput::words;
  body = sent_for(asked);
  EXPECT_FALSE(body.at("generationConfig").as_object().contains("responseMimeType"));
  EXPECT_NE(requests.back().find(R"(\"maxLength\":9)"), std::string::npos);
}

TEST_F(GeminiTest, ForcesAToolWhereTheModelTakesNoSchema) {
  const auto schema = json::parse(R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})");
  model.structured = StructuredOutput::tool;
  auto asked = request();
  asked.schema = &schema;
  asked.schema_name = "result";
  const auto call = data(R"({"candidates":[{"content":{"role":"model","parts":[{"text":"So:"},
      {"functionCall":{"name":"result","args":{"a":"hi"}}},{"functionCall":{"name":"result","args":{"a":"no"}}}]}}]})");
  const auto reply = ask(stream_ok(call + end_with("STOP")), true, asked);
  EXPECT_EQ(reply.text.reveal(), R"({"a":"hi"})");
  EXPECT_EQ(streamed, reply.text.reveal());
  const auto body = sent();
  EXPECT_EQ(body.at("toolConfig"),
            json::parse(R"({"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["result"]}})"));
  const auto& declared = body.at("tools").at(0).at("functionDeclarations").at(0);
  EXPECT_EQ(declared.at("name"), "result");
  EXPECT_EQ(declared.at("parametersJsonSchema"), to_dialect(schema, Dialect::gemini));
  EXPECT_EQ(ask(json_ok(plain(R"({"functionCall":{"name":"result"}})")), false, asked).text.reveal(), "{}");
}

TEST_F(GeminiTest, SaysHowMuchToThinkInTheModelsOwnUnit) {
  const auto thinking = [&](const char* id, const char* effort) {
    model.id = id;
    model.reasoning_effort = effort;
    const auto config = sent_for(request()).at("generationConfig").as_object();
    return config.contains("thinkingConfig") ? json::serialize(config.at("thinkingConfig")) : "";
  };
  EXPECT_EQ(thinking("gemini-2.5-flash", "none"), R"({"thinkingBudget":0})");
  EXPECT_EQ(thinking("gemini-2.5-flash", "high"), R"({"thinkingBudget":24576})");
  EXPECT_EQ(thinking("gemini-3-flash", "low"), R"({"thinkingLevel":"low"})");
  EXPECT_EQ(thinking("gemini-3-flash", "none"), R"({"thinkingLevel":"minimal"})");
  EXPECT_EQ(thinking("gemini-3-flash", ""), "");
  model.reasoning_tokens = 500;
  EXPECT_EQ(sent_for(request()).at("generationConfig").at("maxOutputTokens"), 1'524);
  model.temperature = false;
  EXPECT_FALSE(sent_for(request()).at("generationConfig").as_object().contains("temperature"));
}

TEST_F(GeminiTest, RefusesOptionsItCannotUse) {
  const auto code = [&](const Model& of, const GeminiOptions& options) {
    try {
      make_gemini(of, options, dependencies());
    } catch (const base::Error& error) {
      return error.code;
    }
    return Code::internal_error;
  };
  EXPECT_EQ(code({}, {}), Code::validation_error);
  EXPECT_EQ(code({.id = "gemini x?key=1"}, {}), Code::validation_error);
  EXPECT_EQ(code(model, {.base_url = "localhost:1"}), Code::validation_error);
  EXPECT_EQ(code(model, {.api_key = base::Secret("key\n")}), Code::validation_error);
}

// What is understood.

TEST_F(GeminiTest, ReadsAPlainAnswer) {
  const auto reply = ask(json_ok(R"({"candidates":[{"content":{"role":"model","parts":[
      {"text":"thinking about it","thought":true},{"text":"Hel"},{"text":"lo.","thoughtSignature":"c2ln"}]},
      "finishReason":"MAX_TOKENS","index":0,"avgLogprobs":-0.1}],"usageMetadata":{"promptTokenCount":40,
      "candidatesTokenCount":6,"thoughtsTokenCount":9,"totalTokenCount":55,"cachedContentTokenCount":32,
      "promptTokensDetails":[{"modality":"TEXT","tokenCount":40}]},"modelVersion":"gemini-x-001","responseId":"r1"})"),
                         false);
  EXPECT_EQ(reply.text.reveal(), "Hello.");
  EXPECT_EQ(reply.finish_reason, FinishReason::length);
  EXPECT_EQ(reply.model, "gemini-x-001");
  EXPECT_EQ(reply.provider_request_id, "r1");
  EXPECT_EQ(reply.usage.prompt_tokens, 40);
  EXPECT_EQ(reply.usage.cached_tokens, 32);
  EXPECT_EQ(reply.usage.completion_tokens, 15) << "thoughts are paid for too";
  EXPECT_FALSE(reply.usage.estimated);
}

TEST_F(GeminiTest, ReadsAStreamThatEndsWithItsBody) {
  Impostor server(context, answers({stream_ok(chunk("Wha") + chunk("t é🙂\n") + chunk("?") + end_with("STOP"))}));
  const auto from = provider(server);
  const auto reply = complete(*from, request());
  EXPECT_EQ(reply.text.reveal(), "What é🙂\n?");
  EXPECT_EQ(streamed, reply.text.reveal());
  EXPECT_EQ(reply.model, "gemini-x-001");
  EXPECT_EQ(reply.provider_request_id, "r1");
  EXPECT_EQ(reply.usage.prompt_tokens, 40);
  EXPECT_EQ(reply.usage.completion_tokens, 15);
  complete(*from, request());
  EXPECT_EQ(server.connections(), 1) << "the connection is kept";
}

TEST_F(GeminiTest, TakesAListForAStream) {
  const std::string list = R"([{"candidates":[{"content":{"parts":[{"text":"all "}]}}]},
      {"candidates":[{"content":{"parts":[{"text":"at once"}]},"finishReason":"STOP"}]}])";
  EXPECT_EQ(ask(json_ok(list)).text.reveal(), "all at once");
}

TEST_F(GeminiTest, CountsThoughtsAsABeginning) {
  const Sink none;
  GeminiAnswer answer("s", none, false);
  answer.take_piece(data(R"({"usageMetadata":{"promptTokenCount":4}})"));
  EXPECT_FALSE(answer.has_begun());
  answer.take_piece(data(R"({"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]})"));
  EXPECT_TRUE(answer.has_begun());
  EXPECT_FALSE(answer.has_finish());
}

TEST_F(GeminiTest, KnowsWhyTheModelStopped) {
  for (const auto& [reason, expected] : {std::pair{"STOP", FinishReason::stop},
                                         {"MAX_TOKENS", FinishReason::length},
                                         {"SAFETY", FinishReason::content_filter},
                                         {"RECITATION", FinishReason::content_filter},
                                         {"PROHIBITED_CONTENT", FinishReason::content_filter},
                                         {"BLOCKLIST", FinishReason::content_filter},
                                         {"SPII", FinishReason::content_filter},
                                         {"OTHER", FinishReason::content_filter},
                                         {"OF_TOMORROW", FinishReason::stop}}) {
    EXPECT_EQ(ask(stream_ok(chunk("x") + end_with(reason))).finish_reason, expected) << reason;
    EXPECT_EQ(ask(json_ok(plain("", reason)), false).finish_reason, expected) << reason;
  }
  EXPECT_EQ(failure(json_ok(plain("", "MALFORMED_FUNCTION_CALL")), false).code, Code::llm_unavailable);
}

TEST_F(GeminiTest, KnowsAQuestionThatWasBlocked) {
  const std::string blocked = R"({"promptFeedback":{"blockReason":"SAFETY","safetyRatings":[]},
      "usageMetadata":{"promptTokenCount":8,"totalTokenCount":8},"modelVersion":"gemini-x-001"})";
  for (const bool stream : {true, false}) {
    const auto reply = ask(stream ? stream_ok(data(blocked)) : json_ok(blocked), stream);
    EXPECT_EQ(reply.finish_reason, FinishReason::content_filter);
    EXPECT_EQ(reply.text.reveal(), "");
    EXPECT_EQ(reply.usage.prompt_tokens, 8);
  }
}

TEST_F(GeminiTest, EstimatesTheUsageThatDidNotCome) {
  const auto reply = ask(json_ok(plain(R"({"text":"eight by"})")), false);
  EXPECT_TRUE(reply.usage.estimated);
  EXPECT_EQ(reply.usage.completion_tokens, 2);
  EXPECT_GT(reply.usage.prompt_tokens, 10);
  EXPECT_EQ(reply.model, "gemini-x");
}

// What fails, and how.

TEST_F(GeminiTest, TellsWhetherToTryAgain) {
  struct Case {
    const char* line;
    int code;
    const char* status;
    Code expected;
  };
  for (const auto& [line, code, status, expected] :
       {Case{"400 Bad Request", 400, "INVALID_ARGUMENT", Code::llm_error},
        Case{"400 Bad Request", 400, "FAILED_PRECONDITION", Code::llm_error},
        Case{"403 Forbidden", 403, "PERMISSION_DENIED", Code::llm_error},
        Case{"404 Not Found", 404, "NOT_FOUND", Code::llm_error},
        Case{"429 Too Many", 429, "RESOURCE_EXHAUSTED", Code::llm_unavailable},
        Case{"500 Oops", 500, "INTERNAL", Code::llm_unavailable},
        Case{"503 Busy", 503, "UNAVAILABLE", Code::llm_unavailable},
        Case{"504 Late", 504, "DEADLINE_EXCEEDED", Code::llm_unavailable}}) {
    for (const bool stream : {true, false}) {
      const auto error = failure(http_answer(line, "application/json", error_body(code, status)), stream);
      EXPECT_EQ(error.code, expected) << error.message;
      EXPECT_NE(error.message.find(status), error.message.npos) << error.message;
    }
  }
}

TEST_F(GeminiTest, WaitsAsLongAsAskedUnlessTheDayIsUsedUp) {
  const std::string retry = R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"46s"})";
  const auto quota = [](const char* id) {
    return std::string(
               R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":")") +
           id + R"(","quotaValue":"20"}]},)";
  };
  const auto exhausted = [&](const char* id) {
    return failure(
        http_answer("429 Too Many", "application/json", error_body(429, "RESOURCE_EXHAUSTED", quota(id) + retry)));
  };
  const auto of_a_minute = exhausted("GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
  EXPECT_EQ(of_a_minute.code, Code::llm_unavailable);
  EXPECT_EQ(of_a_minute.retry_after, 46'000ms);
  EXPECT_EQ(exhausted("GenerateRequestsPerDayPerProjectPerModel-FreeTier").code, Code::llm_error);
}

TEST_F(GeminiTest, ReportsAnErrorInTheMiddleOfAStream) {
  EXPECT_EQ(failure(stream_ok(chunk("some") + data(error_body(503, "UNAVAILABLE")))).code, Code::llm_unavailable);
  EXPECT_EQ(failure(stream_ok(chunk("some") + data(error_body(400, "INVALID_ARGUMENT")))).code, Code::llm_error);
  EXPECT_EQ(streamed, "some");
}

TEST_F(GeminiTest, ReportsAStreamThatIsCutOff) {
  expect_cut_off_fails(chunk("some"));
  expect_cut_off_fails("");
}

TEST_F(GeminiTest, ReportsNonsenseAsFinal) {
  EXPECT_EQ(failure(json_ok("What the person said in confidence"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_ok("[]"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_ok("7"), false).code, Code::llm_error);
  EXPECT_EQ(failure(json_ok(R"({"candidates":[]})"), false).code, Code::llm_error);
  EXPECT_EQ(failure(http_answer("200 OK", "text/html", "<html>"), false).code, Code::llm_error);
  EXPECT_EQ(failure(stream_ok("data: What the person said in confidence\n\n")).code, Code::llm_error);
}

TEST_F(GeminiTest, EndsWaitsThatTakeTooLong) { expect_waits_end({kStreamHead}, kStreamHead + chunk("x")); }

TEST_F(GeminiTest, ReadsAStreamThatComesByteByByte) {
  expect_read_byte_by_byte(chunk("é🙂") + end_with("STOP"), "é🙂");
}

TEST_F(GeminiTest, IsHealthyWhenTheServerAnswersAndTakesTheKey) {
  expect_health({{"200 OK", Health::State::healthy},
                 {"403 Forbidden", Health::State::unhealthy},
                 {"503 Busy", Health::State::unhealthy},
                 {"429 Slow", Health::State::degraded}},
                "/v1beta/models?pageSize=1", "x-goog-api-key: sk-test-key-that-nobody-may-see");
}

TEST(GeminiAnswer, SurvivesEveryBrokenByte) {
  expect_robust<GeminiAnswer>(chunk("Hel") + chunk("lo é🙂") + end_with("STOP"), true);
  expect_robust<GeminiAnswer>(
      data(R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"r","args":{"a":1}}}]}}]})") +
          end_with("STOP"),
      true, true);
  expect_robust<GeminiAnswer>(R"({"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hello."}]},
      "finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9223372036854775807,
      "toolUsePromptTokenCount":9223372036854775807,"candidatesTokenCount":1e300,"thoughtsTokenCount":-5}})",
                              false);
}

}  // namespace
}  // namespace llm
