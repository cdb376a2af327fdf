#include <gtest/gtest.h>

#include "llm/openai_fixture_test.hpp"
#include "llm/openai_responses_wire.hpp"

namespace llm {
namespace {

std::string event(std::string_view type, std::string_view members) {
  return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\",\"sequence_number\":1" +
         (members.empty() ? "" : ",") + std::string(members) + "}\n\n";
}
std::string text_event(std::string_view text) {
  return event("response.output_text.delta", R"("item_id":"msg_1","output_index":1,"content_index":0,"delta":)" +
                                                 json::serialize(json::string(text)));
}

const std::string kBegin =
    event("response.created", R"("response":{"id":"resp_1","model":"m-2026","status":"in_progress","output":[]})") +
    event("response.in_progress", R"("response":{"id":"resp_1","status":"in_progress"})") +
    event("response.output_item.added", R"("output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[]})") +
    event("response.brand_new", R"("delta":"not the answer","response":7)") +
    event("response.content_part.added", R"("part":{"type":"output_text","text":"","annotations":[]})");
const std::string kUsage =
    R"("usage":{"input_tokens":40,"input_tokens_details":{"cached_tokens":30,"cache_write_tokens":6},)"
    R"("output_tokens":9,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":49})";
const std::string kOutput =
    R"("output":[{"type":"reasoning","summary":[]},{"type":"message","role":"assistant","content":[)"
    R"({"type":"output_text","text":"Hel","annotations":[]},{"type":"output_text","text":"lo."}]}])";
const std::string kHead =
    R"("id":"resp_1","object":"response","model":"m-2026","error":null,"incomplete_details":null)";

std::string ended(std::string_view how, const std::string& members) {
  return event("response." + std::string(how),
               R"("response":{"status":")" + std::string(how) + R"(",)" + kHead + "," + members + "}");
}

struct ResponsesTest : OpenAiTest {
  static Model model() {
    auto model = some_model();
    model.api = OpenAiApi::responses;
    return model;
  }
  Reply respond(const std::string& with_answer, bool stream = true, const Request& asked = request()) {
    Impostor server(context, answers({with_answer}));
    const auto from = provider(server, {}, model());
    return complete(*from, asked, stream);
  }
  base::Error refused(const std::string& with_answer, bool stream = true) {
    Impostor server(context, answers({with_answer}));
    const auto from = provider(server, {}, model());
    return failure(*from, stream);
  }
};

TEST_F(ResponsesTest, SendsTheConversationAndNeverLetsItBeStored) {
  auto asked = request();
  asked.summary = base::PrivateText("Before this.");
  asked.messages.push_back({Role::assistant, base::PrivateText("And \"then\"?")});
  asked.guidance = base::PrivateText("Be short.");
  asked.max_tokens = 77;
  asked.temperature = 0.25;
  respond(json_ok("{" + kHead + R"(,"status":"completed",)" + kOutput + "}"), false, asked);
  EXPECT_TRUE(requests.at(0).starts_with("POST /v1/responses HTTP/1.1\r\n")) << requests.at(0);
  EXPECT_EQ(sent(), json::parse(R"({"model":"m","input":[{"role":"system","content":"Before this."},
      {"role":"user","content":"What the person said in confidence"},{"role":"assistant","content":"And \"then\"?"},
      {"role":"system","content":"Be short."}],"instructions":"You coach.","max_output_tokens":77,"temperature":0.25,
      "store":false})")
                        .as_object());
}

TEST_F(ResponsesTest, SendsWhatTheModelTakes) {
  auto thinks = model();
  thinks.temperature = false;
  thinks.reasoning_effort = "low";
  thinks.reasoning_tokens = 500;
  auto asked = request();
  asked.topic = "core_values";
  const auto body = [&](const OpenAiOptions& options, std::string_view host) {
    return json::parse(responses_request_body(openai_dialect(thinks, options, host), asked, true)).as_object();
  };
  const auto at_openai = body({}, "api.openai.com");
  EXPECT_EQ(at_openai.at("reasoning"), json::parse(R"({"effort":"low"})"));
  EXPECT_EQ(at_openai.at("max_output_tokens"), 1'524);
  EXPECT_EQ(at_openai.at("store"), false);
  EXPECT_EQ(at_openai.at("stream"), true);
  EXPECT_EQ(at_openai.at("stream_options"), json::parse(R"({"include_obfuscation":false})"));
  EXPECT_EQ(at_openai.at("prompt_cache_key"), json::value(prompt_cache_key(asked)));
  EXPECT_FALSE(at_openai.contains("temperature"));
  EXPECT_EQ(body({.store = true}, "api.openai.com").at("store"), true);
  EXPECT_EQ(body({}, "localhost").at("store"), false);
  EXPECT_FALSE(body({}, "localhost").contains("stream_options"));
}

TEST_F(ResponsesTest, NeverSendsAnEmptyInput) {
  Request asked;
  asked.system = base::PrivateText("Say hello.");
  const auto body = json::parse(responses_request_body(openai_dialect(model(), {}, "x"), asked, false)).as_object();
  EXPECT_EQ(body.at("input"), json::parse(R"([{"role":"user","content":"Say hello."}])"));
  EXPECT_FALSE(body.contains("instructions"));
}

TEST_F(ResponsesTest, ReadsAPlainAnswer) {
  const auto reply = respond(json_ok("{" + kHead + R"(,"status":"completed",)" + kOutput + "," + kUsage + "}"), false);
  EXPECT_EQ(reply.text.reveal(), "Hello.");
  EXPECT_EQ(reply.model, "m-2026");
  EXPECT_EQ(reply.provider_request_id, "resp_1");
  EXPECT_EQ(reply.finish_reason, FinishReason::stop);
  EXPECT_EQ(reply.usage.prompt_tokens, 40);
  EXPECT_EQ(reply.usage.completion_tokens, 9);
  EXPECT_EQ(reply.usage.cached_tokens, 30);
  EXPECT_EQ(reply.usage.cache_write_tokens, 6);
  EXPECT_FALSE(reply.usage.estimated);
}

TEST_F(ResponsesTest, ReadsAStreamAndPassesOverWhatItDoesNotKnow) {
  const auto reply = respond(stream_ok(
      kBegin + text_event("What ") + text_event("é🙂?") + event("response.output_text.done", R"("text":"What é🙂?")") +
      event("response.content_part.done", R"("part":{"type":"output_text","text":"What é🙂?"})") +
      event("response.output_item.done", R"("item":{"type":"message","content":[]})") +
      ended("completed", kOutput + "," + kUsage)));
  EXPECT_EQ(reply.text.reveal(), "What é🙂?");
  EXPECT_EQ(streamed, reply.text.reveal());
  EXPECT_EQ(reply.model, "m-2026");
  EXPECT_EQ(reply.usage.cached_tokens, 30);
}

TEST_F(ResponsesTest, TakesTheTextOfAnEndThatNoPiecesCameBefore) {
  EXPECT_EQ(respond(stream_ok(kBegin + ended("completed", kOutput))).text.reveal(), "Hello.");
  EXPECT_EQ(streamed, "Hello.");
}

TEST_F(ResponsesTest, DoesNotWaitForDone) {
  Impostor server(context, answers({stream_ok(text_event("x") + ended("completed", kOutput) + kDone)}));
  const auto from = provider(server, {}, model());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(complete(*from, request()).text.reveal(), "x");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ResponsesTest, TakesAPlainAnswerToTheQuestionForAStream) {
  EXPECT_EQ(respond(json_ok("{" + kHead + R"(,"status":"completed",)" + kOutput + "}")).text.reveal(), "Hello.");
  EXPECT_EQ(streamed, "Hello.");
}

TEST_F(ResponsesTest, SaysWhyAnAnswerIsIncomplete) {
  for (const auto& [reason, means] : {std::pair{"max_output_tokens", FinishReason::length},
                                      std::pair{"content_filter", FinishReason::content_filter}}) {
    const std::string details =
        R"("status":"incomplete","incomplete_details":{"reason":")" + std::string(reason) + R"("},)" + kOutput;
    EXPECT_EQ(respond(json_ok("{" + details + "}"), false).finish_reason, means);
    EXPECT_EQ(respond(stream_ok(text_event("x") + event("response.incomplete", R"("response":{)" + details + "}")))
                  .finish_reason,
              means);
  }
}

TEST_F(ResponsesTest, KnowsARefusal) {
  const auto whole = respond(json_ok(R"({"status":"completed","output":[{"type":"message","content":[
      {"type":"refusal","refusal":"I can't help."}]}]})"),
                             false);
  EXPECT_EQ(whole.finish_reason, FinishReason::refusal);
  EXPECT_EQ(whole.text.reveal(), "I can't help.");
  const auto pieces =
      respond(stream_ok(event("response.refusal.delta", R"("delta":"No.")") +
                        event("response.refusal.done", R"("refusal":"No.")") + ended("completed", R"("output":[])")));
  EXPECT_EQ(pieces.finish_reason, FinishReason::refusal);
  EXPECT_EQ(pieces.text.reveal(), "No.");
}

TEST_F(ResponsesTest, TakesWhatTheForcedToolIsCalledWith) {
  const auto schema = json::parse(R"({"type":"object","properties":{}})");
  auto asked = request();
  asked.schema = &schema;
  auto forced = model();
  forced.structured = StructuredOutput::tool;
  const auto pieces =
      stream_ok(text_event("Let me see.") +
                event("response.function_call_arguments.delta", R"("output_index":1,"delta":"{\"a\"")") +
                event("response.function_call_arguments.delta", R"("output_index":1,"delta":":1}")") +
                event("response.function_call_arguments.done", R"("arguments":"{\"a\":1}")") +
                ended("completed", R"("output":[])"));
  const auto whole = json_ok(R"({"status":"completed","output":[{"type":"function_call","name":"answer",
      "arguments":"{\"a\":1}"},{"type":"function_call","arguments":"{}"}]})");
  for (const auto& with_answer : {pieces, whole}) {
    Impostor server(context, answers({with_answer}));
    const auto from = provider(server, {}, forced);
    EXPECT_EQ(complete(*from, asked, true).text.reveal(), R"({"a":1})");
    EXPECT_EQ(streamed, R"({"a":1})");
  }
}

struct Failing {
  std::string members;  // of the failed response
  Code code;
};

TEST_F(ResponsesTest, ReportsAFailureByItsCode) {
  for (const auto& [members, code] :
       {Failing{R"("error":{"code":"server_error","message":"What the person said in confidence"})",
                Code::llm_unavailable},
        Failing{R"("error":{"code":"rate_limit_exceeded","message":"x"})", Code::llm_unavailable},
        Failing{R"("error":{"code":"invalid_prompt","message":"x"})", Code::llm_error},
        Failing{R"("error":{"code":"insufficient_quota","message":"x"})", Code::llm_error},
        Failing{R"("error":null)", Code::llm_unavailable}}) {
    const auto body = R"({"id":"resp_1","status":"failed","output":[],)" + members + "}";
    EXPECT_EQ(refused(json_ok(body), false).code, code) << members;
    EXPECT_EQ(refused(stream_ok(text_event("x") + event("response.failed", R"("response":)" + body))).code, code)
        << members;
  }
}

TEST_F(ResponsesTest, ReportsAnErrorEvent) {
  const auto flat = refused(stream_ok(
      event("error", R"("code":"insufficient_quota","message":"What the person said in confidence","param":null)")));
  EXPECT_EQ(flat.code, Code::llm_error);
  EXPECT_NE(flat.message.find("insufficient_quota"), flat.message.npos);
  EXPECT_EQ(refused(stream_ok(event("error", R"("error":{"type":"server_error","code":null})"))).code,
            Code::llm_unavailable);
  EXPECT_EQ(refused(stream_ok("event: error\ndata: {\"error\":\"What the person said in confidence\"}\n\n")).code,
            Code::llm_unavailable);
  EXPECT_EQ(refused(stream_ok("event: error\ndata: {\"message\":\"x\"}\n\n")).code, Code::llm_unavailable);
}

TEST_F(ResponsesTest, ReportsAStreamThatIsCutOff) {
  EXPECT_EQ(refused(stream_ok(kBegin + text_event("x"))).code, Code::llm_unavailable);
  EXPECT_EQ(refused(stream_ok(text_event("x") + kDone)).code, Code::llm_unavailable);
}

TEST_F(ResponsesTest, ReportsNonsenseAsFinal) {
  EXPECT_EQ(refused(json_ok("What the person said in confidence"), false).code, Code::llm_error);
  EXPECT_EQ(refused(json_ok("[]"), false).code, Code::llm_error);
  EXPECT_EQ(refused(json_ok("{}"), false).code, Code::llm_error);
  EXPECT_EQ(refused(json_ok(R"({"status":"in_progress","output":[]})"), false).code, Code::llm_error);
  EXPECT_EQ(refused(json_ok(R"({"choices":[{"message":{"content":"x"}}]})"), false).code, Code::llm_error);
  EXPECT_EQ(refused(stream_ok("data: [1]\n\n")).code, Code::llm_error);
  EXPECT_EQ(refused(stream_ok(event("response.completed", ""))).code, Code::llm_error);
}

TEST_F(ResponsesTest, TakesNoAnswerLongerThanAMegabyte) {
  std::string events;
  for (int i = 0; i < 20; ++i) events += text_event(std::string(64 * 1024, 'x'));
  EXPECT_EQ(refused(stream_ok(events + ended("completed", kOutput))).code, Code::llm_error);
  EXPECT_LE(streamed.size(), kLongestAnswer);
}

}  // namespace
}  // namespace llm
