#include "llm/bedrock.hpp"

#include "aws/credential_chain.hpp"
#include "aws/event_stream.hpp"
#include "llm/bedrock_failures.hpp"
#include "llm/bedrock_wire.hpp"
#include "llm/schema_dialect.hpp"
#include "llm/vendor_fixture_test.hpp"

namespace llm {
namespace {

constexpr std::string_view kStream = "application/vnd.amazon.eventstream";

std::string message(std::string_view kind, std::string_view type, std::string_view payload) {
  const auto type_header = ":" + std::string(kind) + "-type";
  return aws::encode_event_message(
      {{type_header, type}, {":content-type", "application/json"}, {":message-type", kind}}, payload);
}
std::string event(std::string_view type, std::string_view payload) { return message("event", type, payload); }
std::string delta(std::string_view text, int block = 0) {
  return event("contentBlockDelta", R"({"contentBlockIndex":)" + std::to_string(block) + R"(,"delta":{"text":)" +
                                        json::serialize(json::string(text)) + R"(},"p":"abcdef"})");
}
std::string input(std::string_view fragment, int block = 0) {
  return event("contentBlockDelta", R"({"contentBlockIndex":)" + std::to_string(block) +
                                        R"(,"delta":{"toolUse":{"input":)" + json::serialize(json::string(fragment)) +
                                        "}}}");
}
std::string stop(std::string_view reason = "end_turn") {
  return event("messageStop", R"({"stopReason":")" + std::string(reason) + "\"}");
}
const std::string kStart = event("messageStart", R"({"role":"assistant"})");
const std::string kMetadata =
    event("metadata", R"({"usage":{"inputTokens":10,"outputTokens":15,"totalTokens":2325,"cacheReadInputTokens":2000,
        "cacheWriteInputTokens":300},"metrics":{"latencyMs":412}})");
const std::string kToolStart = event("contentBlockStart", R"({"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t",
    "name":"result"}}})");

std::string streamed_answer(std::string_view body) { return http_answer("200 OK", kStream, body); }
std::string body_of(std::string_view blocks, std::string_view reason = "end_turn") {
  return R"({"output":{"message":{"role":"assistant","content":)" + std::string(blocks) + R"(}},"stopReason":")" +
         std::string(reason) + R"(","usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}})";
}
const std::string kPlain = json_ok(body_of(R"([{"text":"x"}])"));
std::string refusal(std::string_view status, std::string_view type, std::string_view said = "",
                    std::string_view more = "") {
  const auto headers =
      "x-amzn-errortype: " + std::string(type) + ":http://internal.amazon.com/\r\n" + std::string(more);
  return http_answer(status, "application/json", R"({"message":")" + std::string(said) + "\"}", headers);
}

struct BedrockTest : VendorTest {
  Model model{.code = "some", .vendor = Vendor::bedrock, .id = "us.anthropic.claude-x-v1:0"};
  BedrockOptions options;
  aws::Surroundings around{.variables = {{"AWS_REGION", "eu-central-1"},
                                         {"AWS_ACCESS_KEY_ID", "AKID"},
                                         {"AWS_SECRET_ACCESS_KEY", kTestKey},
                                         {"AWS_SESSION_TOKEN", "TOKEN"}}};

  std::unique_ptr<BedrockModel> bedrock(const Impostor& server) {
    options.base_url = server.url();
    return make_bedrock(model, options, dependencies(), around);
  }
  std::unique_ptr<Provider> provider(const Impostor& server) override { return bedrock(server); }

  std::string keys(int number) const {
    return R"({"AccessKeyId":"ID)" + std::to_string(number) + R"(","SecretAccessKey":")" + kTestKey +
           R"(","Token":"T","Expiration":")" + base::format_time(clock.now() + 6h) + "\"}";
  }
  json::object sent_for(const Request& asked, bool stream = false) {
    ask(stream ? streamed_answer(kStart + delta("x") + stop() + kMetadata) : kPlain, stream, asked);
    return sent();
  }
  bool was_sent(std::size_t at, std::string_view text) const { return requests.at(at).find(text) != std::string::npos; }
};

json::value json_of(std::string_view text) { return json::parse(json::string_view(text.data(), text.size())); }

// What is sent.

TEST_F(BedrockTest, SendsASignedConversation) {
  auto asked = request();
  asked.max_tokens = 77;
  asked.temperature = 1.5;
  const auto body = sent_for(asked);
  EXPECT_TRUE(requests[0].starts_with("POST /model/us.anthropic.claude-x-v1%3A0/converse HTTP/1.1\r\n")) << requests[0];
  EXPECT_TRUE(was_sent(0, "\r\nX-Amz-Date: 20260101T000000Z\r\n"));
  EXPECT_TRUE(sent_header("X-Amz-Security-Token: TOKEN"));
  EXPECT_TRUE(
      was_sent(0,
               "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/bedrock/aws4_request, "
               "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token, Signature="));
  EXPECT_EQ(body, json_of(R"({"system":[{"text":"You coach."}],"messages":[{"role":"user","content":[
      {"text":"What the person said in confidence"}]}],"inferenceConfig":{"maxTokens":77,"temperature":1}})"));
}

TEST_F(BedrockTest, SendsAKeyInPlaceOfASignature) {
  options.api_key = base::Secret(kTestKey);
  sent_for(request());
  EXPECT_TRUE(sent_header("Authorization: Bearer " + std::string(kTestKey)));
  EXPECT_FALSE(was_sent(0, "X-Amz-Date"));
  options.api_key = {};
  around.variables["AWS_BEARER_TOKEN_BEDROCK"] = "from-the-variable";
  sent_for(request());
  EXPECT_TRUE(sent_header("Authorization: Bearer from-the-variable"));
}

TEST_F(BedrockTest, EscapesAnArnInThePath) {
  model.id = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x:0";
  sent_for(request(), true);
  EXPECT_TRUE(requests[0].starts_with(
      "POST /model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x%3A0/converse-stream HTTP/1.1\r\n"));
  EXPECT_TRUE(was_sent(0, "/us-east-1/bedrock/aws4_request")) << "the ARN's region comes before the variable's";
}

TEST_F(BedrockTest, MakesRolesTakeTurns) {
  const auto body =
      sent_for(talk({{Role::assistant, "hello"}, {Role::user, "a"}, {Role::user, "b"}, {Role::assistant, "c"}}, "now"));
  EXPECT_EQ(body.at("messages"), json_of(R"j([{"role":"user","content":[{"text":"(The conversation begins.)"}]},
      {"role":"assistant","content":[{"text":"hello"}]},{"role":"user","content":[{"text":"a"},{"text":"b"}]},
      {"role":"assistant","content":[{"text":"c"}]},{"role":"user","content":[{"text":"now"}]}])j"));
}

TEST_F(BedrockTest, EndsTheCacheBehindWhatStays) {
  model.prompt_cache = true;
  auto asked = talk({{Role::user, "a"}, {Role::assistant, "b"}, {Role::user, "c"}}, "for now");
  asked.summary = base::PrivateText("before");
  const auto body = sent_for(asked);
  EXPECT_EQ(body.at("system"), json_of(R"([{"text":"You coach."},{"cachePoint":{"type":"default"}},{"text":"before"},
      {"cachePoint":{"type":"default"}}])"));
  EXPECT_EQ(body.at("messages"), json_of(R"([{"role":"user","content":[{"text":"a"}]},
      {"role":"assistant","content":[{"text":"b"}]},
      {"role":"user","content":[{"text":"c"},{"cachePoint":{"type":"default"}},{"text":"for now"}]}])"));
  const auto opening = sent_for(talk({}, "greet"));
  EXPECT_EQ(opening.at("messages"), json_of(R"([{"role":"user","content":[{"text":"greet"}]}])"));
}

TEST_F(BedrockTest, SendsTheSamePrefixFromTurnToTurn) {
  model.prompt_cache = true;
  sent_for(talk({{Role::user, "a"}, {Role::assistant, "b"}, {Role::user, "c"}}, "one"));
  const auto first = requests.back().substr(requests.back().find("\r\n\r\n") + 4);
  sent_for(talk({{Role::user, "a"}, {Role::assistant, "b"}, {Role::user, "c"}, {Role::assistant, "d"}}, "two"));
  const auto second = requests.back().substr(requests.back().find("\r\n\r\n") + 4);
  const auto end = first.find(R"({"text":"c"})") + 12;
  EXPECT_EQ(second.substr(0, end), first.substr(0, end));
}

TEST_F(BedrockTest, AsksForASchemaInEachOfItsWays) {
  const auto schema =
      json_of(R"({"type":"object","properties":{"n":{"type":"integer","minimum":3}},"required":["n"]})");
  const auto dialect = to_dialect(schema, Dialect::bedrock);
  auto asked = request();
  asked.schema = &schema;
  asked.schema_name = "result";
  const auto format = sent_for(asked).at("outputConfig").at("textFormat");
  EXPECT_EQ(format.at("type"), "json_schema");
  EXPECT_EQ(format.at("structure").at("jsonSchema").at("name"), "result");
  EXPECT_EQ(json_of(format.at("structure").at("jsonSchema").at("schema").as_string()), dialect) << "a string of JSON";

  model.structured = StructuredOutput::tool;
  const auto tools = sent_for(asked).at("toolConfig");
  EXPECT_EQ(tools.at("toolChoice"), json_of(R"({"tool":{"name":"result"}})"));
  EXPECT_EQ(tools.at("tools").at(0).at("toolSpec").at("name"), "result");
  EXPECT_EQ(tools.at("tools").at(0).at("toolSpec").at("inputSchema").at("json"), dialect);

  model.structured = StructuredOutput::schema;
  auto many = json_of(R"({"type":"object","properties":{},"required":[]})");
  for (int i = 0; i < 40; ++i) {
    many.at("properties").as_object()["p" + std::to_string(i)] = {{"type", {"string", "null"}}};
  }
  asked.schema = &many;
  EXPECT_TRUE(sent_for(asked).contains("toolConfig")) << "too complex to be compelled";
  asked.schema = &schema;

  model.structured = StructuredOutput::words;
  const auto words = sent_for(asked);
  EXPECT_FALSE(words.contains("outputConfig") || words.contains("toolConfig"));
  const auto& last = words.at("messages").as_array().back().at("content").as_array().back().at("text").as_string();
  EXPECT_NE(last.find("JSON Schema"), json::string::npos);
}

TEST_F(BedrockTest, SendsGuardrailAndEffortWhenTheyAreSet) {
  options.guardrail_id = "gr";
  options.guardrail_version = "3";
  model.reasoning_effort = "minimal";
  model.reasoning_tokens = 500;
  model.temperature = false;
  auto body = sent_for(request());
  EXPECT_EQ(body.at("inferenceConfig").at("maxTokens"), 1'524);
  EXPECT_EQ(body.at("guardrailConfig"),
            json_of(R"({"guardrailIdentifier":"gr","guardrailVersion":"3","trace":"disabled"})"));
  EXPECT_EQ(body.at("outputConfig"), json_of(R"({"effort":"low"})"));
  EXPECT_FALSE(body.at("inferenceConfig").as_object().contains("temperature"));
  body = sent_for(request(), true);
  EXPECT_EQ(body.at("guardrailConfig").at("streamProcessingMode"), "sync");
}

TEST_F(BedrockTest, RefusesOptionsItCannotUse) {
  const auto make = [&] { make_bedrock(model, options, dependencies(), around); };
  EXPECT_NO_THROW(make());
  options.guardrail_id = "gr";
  EXPECT_THROW(make(), base::Error) << "no version";
  options.guardrail_id = "";
  options.api_key = base::Secret("key\n");
  EXPECT_THROW(make(), base::Error);
  options.api_key = {};
  around.variables.erase("AWS_REGION");
  EXPECT_THROW(make(), base::Error) << "no region";
  model.region = "us-east-1";
  EXPECT_NO_THROW(make());
  model.id = "";
  EXPECT_THROW(make(), base::Error);
}

// What comes back.

TEST_F(BedrockTest, ReadsAWholeAnswer) {
  const auto reply = ask(json_ok(body_of(R"([{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"Hello "},
      {"text":"you"}])"),
                                 "x-amzn-requestid: req-1\r\n"),
                         false);
  EXPECT_EQ(reply.text.reveal(), "Hello you");
  EXPECT_EQ(reply.finish_reason, FinishReason::stop);
  EXPECT_EQ(reply.usage.prompt_tokens, 3);
  EXPECT_EQ(reply.model, model.id);
  EXPECT_EQ(reply.provider_request_id, "req-1");
}

TEST_F(BedrockTest, StreamsTextAndCountsWhatTheCacheGave) {
  const auto reply = ask(streamed_answer(kStart + delta("Hel") + delta("lo") + stop() + kMetadata));
  EXPECT_EQ(reply.text.reveal(), "Hello");
  EXPECT_EQ(streamed, "Hello");
  EXPECT_EQ(reply.usage.prompt_tokens, 2'310);
  EXPECT_EQ(reply.usage.completion_tokens, 15);
  EXPECT_EQ(reply.usage.cached_tokens, 2'000);
  EXPECT_EQ(reply.usage.cache_write_tokens, 300);
  EXPECT_FALSE(reply.usage.estimated);
}

TEST_F(BedrockTest, EstimatesUsageWhenTheMetadataNeverComes) {
  const auto reply = ask(streamed_answer(kStart + delta("Hello") + stop()));
  EXPECT_EQ(reply.text.reveal(), "Hello");
  EXPECT_TRUE(reply.usage.estimated);
}

TEST_F(BedrockTest, KnowsHowAnAnswerEnded) {
  const std::vector<std::pair<const char*, FinishReason>> cases{
      {"end_turn", FinishReason::stop},     {"stop_sequence", FinishReason::stop},
      {"max_tokens", FinishReason::length}, {"model_context_window_exceeded", FinishReason::length},
      {"refusal", FinishReason::refusal},   {"guardrail_intervened", FinishReason::content_filter},
      {"from_2027", FinishReason::stop},    {"content_filtered", FinishReason::content_filter}};
  for (const auto& [name, expected] : cases) {
    EXPECT_EQ(ask(streamed_answer(kStart + delta("x") + stop(name) + kMetadata)).finish_reason, expected) << name;
    requests.clear();
    EXPECT_EQ(ask(json_ok(body_of("[]", name)), false).finish_reason, expected) << name;
    requests.clear();
  }
}

TEST_F(BedrockTest, TakesAForcedToolsInputAsTheAnswer) {
  const auto schema = json_of(R"({"type":"object"})");
  auto asked = request();
  asked.schema = &schema;
  model.structured = StructuredOutput::tool;
  const auto stream =
      kStart + delta("Here it is:") + kToolStart + input("{\"a\"", 1) + input(":1}", 1) + stop("tool_use");
  EXPECT_EQ(ask(streamed_answer(stream + kMetadata), true, asked).text.reveal(), "{\"a\":1}");
  EXPECT_EQ(streamed, "{\"a\":1}");
  const auto blocks = R"([{"text":"So:"},{"toolUse":{"toolUseId":"t","name":"answer","input":{"a":1.5}}}])";
  EXPECT_EQ(ask(json_ok(body_of(blocks, "tool_use")), false, asked).text.reveal(), "{\"a\":1.5}");
  EXPECT_EQ(ask(json_ok(body_of(R"([{"text":"I cannot."}])", "refusal")), false, asked).text.reveal(), "I cannot.");
}

TEST_F(BedrockTest, PassesOverWhatItDoesNotKnow) {
  const auto odd = event("fromNextYear", R"({"x":1})") + aws::encode_event_message({}, "x") +
                   event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"citation":{}}})") +
                   event("contentBlockDelta", R"({"delta":7})") + event("contentBlockStop", "{}");
  EXPECT_EQ(ask(streamed_answer(kStart + odd + delta("x") + stop() + kMetadata)).text.reveal(), "x");
}

TEST(BedrockWire, TakesWhateverBytesComeAndSplitsThemAsItLikes) {
  const auto stream = kStart + delta("Hel") + delta("lo") + stop() + kMetadata;
  expect_robust<BedrockAnswer>(stream, true);
  expect_robust<BedrockAnswer>(kStart + kToolStart + input("{\"a\":", 1) + input("1}", 1) + stop() + kMetadata, true,
                               true);
  expect_robust<BedrockAnswer>(body_of(R"([{"text":"Hello"}])"), false);
}

// What fails.

TEST_F(BedrockTest, SaysWhatARefusalMeans) {
  struct Case {
    const char* status;
    const char* type;
    Code code;
    const char* advice;
  };
  const std::vector<Case> cases{{"429 X", "ThrottlingException", Code::llm_unavailable, ""},
                                {"429 X", "ModelNotReadyException", Code::llm_unavailable, ""},
                                {"503 X", "ServiceUnavailableException", Code::llm_unavailable, ""},
                                {"500 X", "InternalServerException", Code::llm_unavailable, ""},
                                {"408 X", "ModelTimeoutException", Code::llm_timeout, ""},
                                {"424 X", "ModelErrorException", Code::llm_unavailable, ""},
                                {"400 X", "ServiceQuotaExceededException", Code::llm_error, "ask AWS for more"},
                                {"400 X", "ValidationException", Code::llm_error, "region prefix"},
                                {"403 X", "AccessDeniedException", Code::llm_error, "bedrock:InvokeModel"},
                                {"404 X", "ResourceNotFoundException", Code::llm_error, "region prefix"},
                                {"403 X", "InvalidSignatureException", Code::llm_error, "clock"},
                                {"502 X", "Unheard", Code::llm_unavailable, ""},
                                {"418 X", "Unheard", Code::llm_error, ""}};
  for (const auto& [status, type, code, advice] : cases) {
    requests.clear();
    const auto error = failure(refusal(status, type, "you said: in confidence"));
    EXPECT_EQ(error.code, code) << type;
    EXPECT_NE(error.message.find(type), std::string::npos) << error.message;
    EXPECT_NE(error.message.find(advice), std::string::npos) << error.message;
    EXPECT_EQ(error.details.at("provider_code"), type);
    EXPECT_EQ(requests.size(), 1U) << "one try";
  }
}

TEST_F(BedrockTest, PassesOnHowLongToWait) {
  EXPECT_EQ(failure(refusal("429 X", "ThrottlingException", "", "x-amz-retry-after: 1500\r\n")).retry_after, 1'500ms);
  requests.clear();
  EXPECT_EQ(failure(refusal("503 X", "ServiceUnavailableException", "", "Retry-After: 7\r\n")).retry_after, 7s);
  requests.clear();
  EXPECT_EQ(failure(refusal("429 X", "ThrottlingException")).retry_after, std::nullopt);
  requests.clear();
  const auto day = failure(refusal("429 X", "ThrottlingException", "Too many tokens per day, please wait"));
  EXPECT_EQ(day.code, Code::llm_error) << "nobody waits a day";
}

TEST_F(BedrockTest, ReportsWhatBreaksAStream) {
  const std::vector<std::pair<const char*, Code>> cases{{"throttlingException", Code::llm_unavailable},
                                                        {"internalServerException", Code::llm_unavailable},
                                                        {"modelStreamErrorException", Code::llm_unavailable},
                                                        {"serviceUnavailableException", Code::llm_unavailable},
                                                        {"validationException", Code::llm_error},
                                                        {"fromNextYear", Code::llm_unavailable}};
  for (const auto& [type, code] : cases) {
    requests.clear();
    const auto error =
        failure(streamed_answer(kStart + delta("Hel") + message("exception", type, R"({"message":"in confidence"})")));
    EXPECT_EQ(error.code, code) << type;
    EXPECT_EQ(streamed, "Hel");
  }
  const auto lost = aws::encode_event_message({{":message-type", "error"}, {":error-code", "InternalFailure"}}, "");
  requests.clear();
  EXPECT_NE(failure(streamed_answer(kStart + lost)).message.find("InternalFailure"), std::string::npos);
  requests.clear();
  EXPECT_EQ(failure(streamed_answer(kStart + delta("Hel"))).code, Code::llm_unavailable) << "cut off";
}

TEST_F(BedrockTest, RefusesNonsense) {
  auto damaged = kStart + delta("Hello");
  damaged[damaged.size() - 20] = static_cast<char>(damaged[damaged.size() - 20] ^ 1);
  EXPECT_EQ(failure(streamed_answer(damaged)).code, Code::llm_error);
  for (const auto* body : {"", "x", "[]", "{}", R"({"output":{"message":{}}})"}) {
    requests.clear();
    EXPECT_EQ(failure(json_ok(body), false).code, Code::llm_error) << body;
  }
  requests.clear();
  EXPECT_EQ(failure(http_answer("200 OK", "text/html", "<html>")).code, Code::llm_error);
}

// What it can do about a refusal.

TEST_F(BedrockTest, LooksForNewCredentialsOnce) {
  int given = 0;
  Impostor container(context, [&](Peer& peer) -> Task<void> {
    while (!(co_await peer.read_request()).empty()) {
      if (!co_await peer.send(net::ok(keys(++given)))) co_return;
    }
  });
  around.variables = {{"AWS_REGION", "eu-central-1"}, {"AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url()}};
  const auto expired =
      refusal("403 X", "ExpiredTokenException", "The security token included in the request is expired");
  Impostor server(context, answers({expired, kPlain}));
  const auto from = bedrock(server);
  EXPECT_EQ(complete(*from, request(), false).text.reveal(), "x");
  EXPECT_TRUE(was_sent(0, "Credential=ID1/") && was_sent(1, "Credential=ID2/"));
  requests.clear();
  const auto error = failure(expired);
  EXPECT_EQ(error.code, Code::llm_error);
  EXPECT_EQ(requests.size(), 2U) << "not a third time";
}

TEST_F(BedrockTest, SharesItsCredentialsWithOtherModels) {
  int given = 0;
  Impostor container(context, [&](Peer& peer) -> Task<void> {
    while (!(co_await peer.read_request()).empty()) {
      if (!co_await peer.send(net::ok(keys(++given)))) co_return;
    }
  });
  around.variables = {{"AWS_REGION", "eu-central-1"}, {"AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url()}};
  aws::CredentialChains chains(http, clock);
  auto sharing = dependencies();
  sharing.credentials = &chains;
  Impostor server(context, answers({kPlain}));
  options.base_url = server.url();
  const auto ask_one = [&](const char* id) {
    model.id = id;
    complete(*make_bedrock(model, options, sharing, around), request(), false);
  };
  ask_one("a");
  ask_one("b");
  EXPECT_EQ(given, 1);
  EXPECT_TRUE(was_sent(0, "Credential=ID1/") && was_sent(1, "Credential=ID1/"));
  around.variables["AWS_EC2_METADATA_DISABLED"] = "true";
  ask_one("c");
  EXPECT_EQ(given, 2) << "other surroundings may give others";
}

TEST_F(BedrockTest, TurnsToAToolWhenAModelTakesNoOutputConfig) {
  const auto schema = json_of(R"({"type":"object"})");
  auto asked = request();
  asked.schema = &schema;
  const auto no_schema = refusal("400 X", "ValidationException", "This model doesn't support outputConfig.textFormat");
  const auto by_tool = json_ok(body_of(R"([{"toolUse":{"toolUseId":"t","name":"answer","input":{"a":1}}}])"));
  Impostor server(context, answers({no_schema, by_tool, by_tool}));
  const auto from = bedrock(server);
  EXPECT_EQ(complete(*from, asked, false).text.reveal(), "{\"a\":1}");
  EXPECT_EQ(complete(*from, asked, false).text.reveal(), "{\"a\":1}");
  ASSERT_EQ(requests.size(), 3U) << "remembered";
  EXPECT_TRUE(was_sent(0, "outputConfig") && was_sent(1, "toolConfig") && was_sent(2, "toolConfig"));
}

TEST_F(BedrockTest, SaysThatThereAreNoCredentials) {
  around.variables = {{"AWS_REGION", "eu-central-1"}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  const auto error = failure(kPlain);
  EXPECT_EQ(error.code, Code::llm_error);
  EXPECT_NE(error.message.find("AWS_ACCESS_KEY_ID is not set"), std::string::npos) << error.message;
  EXPECT_TRUE(requests.empty());
  around.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:1/";
  EXPECT_EQ(failure(kPlain).code, Code::llm_unavailable) << "an endpoint that does not answer may come back";
}

// Counting and health.

TEST_F(BedrockTest, CountsTokensWhereItCan) {
  Impostor server(context, answers({json_ok(R"({"inputTokens":123})"), refusal("429 X", "ThrottlingException"),
                                    refusal("400 X", "ValidationException", "not supported"), kPlain}));
  const auto from = bedrock(server);
  EXPECT_EQ(net::await(context, from->count_tokens(request())), std::optional<std::int64_t>(123));
  EXPECT_TRUE(requests[0].starts_with("POST /model/us.anthropic.claude-x-v1%3A0/count-tokens ")) << requests[0];
  EXPECT_EQ(sent().at("input").at("converse"), json_of(R"({"system":[{"text":"You coach."}],"messages":[{"role":"user",
      "content":[{"text":"What the person said in confidence"}]}]})"));
  EXPECT_THROW(net::await(context, from->count_tokens(request())), base::Error);
  EXPECT_EQ(net::await(context, from->count_tokens(request())), std::nullopt);
  EXPECT_EQ(net::await(context, from->count_tokens(request())), std::nullopt);
  EXPECT_EQ(requests.size(), 3U) << "not asked again";
}

TEST_F(BedrockTest, IsHealthyWhileCredentialsAndAnAnswerCanBeHad) {
  const auto state = [&](const std::string& answer) {
    Impostor server(context, answers({answer}));
    return net::await(context, bedrock(server)->health()).state;
  };
  EXPECT_EQ(state(refusal("403 X", "UnknownOperationException")), Health::State::healthy);
  EXPECT_EQ(state(refusal("500 X", "X")), Health::State::unhealthy);
  options.base_url = "http://127.0.0.1:1";
  const auto nobody = make_bedrock(model, options, dependencies(), around);
  EXPECT_EQ(net::await(context, nobody->health()).state, Health::State::unhealthy);
  around.variables = {{"AWS_REGION", "eu-central-1"}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  EXPECT_EQ(state(refusal("403 X", "UnknownOperationException")), Health::State::unhealthy);
}

}  // namespace
}  // namespace llm
