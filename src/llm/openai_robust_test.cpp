// Whatever bytes a server sends: an answer, or an error of the list, and never an answer that has not ended.
#include <gtest/gtest.h>

#include "llm/openai_fixture_test.hpp"
#include "llm/openai_responses_wire.hpp"
#include "llm/openai_wire.hpp"

namespace llm {
namespace {

const std::string kChatStream =
    ": hi\n\n"
    R"(data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}],"usage":null})"
    "\n\n"
    R"(data: {"choices":[{"index":0,"delta":{"reasoning":"Hm."}}]})"
    "\n\n"
    R"(data: {"choices":[{"index":0,"delta":{"content":"é🙂 \u00e9"},"finish_reason":null}]})"
    "\r\n\r\n"
    R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"a","arguments":"{\"a\":"}}]}}]})"
    "\n\n"
    R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]})"
    "\n\n"
    R"(data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"
    "\n\n"
    R"(data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8}}})"
    "\n\n"
    "data: [DONE]\n\n";

const std::string kResponsesStream =
    "event: response.created\ndata: "
    R"({"type":"response.created","response":{"id":"r","model":"m","status":"in_progress"}})"
    "\n\n"
    "event: response.output_text.delta\ndata: "
    R"({"type":"response.output_text.delta","delta":"é🙂 \u00e9"})"
    "\n\n"
    "event: response.function_call_arguments.delta\ndata: "
    R"({"type":"response.function_call_arguments.delta","delta":"{\"a\":1}"})"
    "\n\n"
    "event: response.completed\ndata: "
    R"({"type":"response.completed","response":{"id":"r","model":"m","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"x"}]}],"usage":{"input_tokens":40,"output_tokens":9}}})"
    "\n\n";

const std::string kChatBody =
    R"({"id":"c9","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hé\n","refusal":null,)"
    R"("tool_calls":[{"function":{"arguments":"{}"}}]},"finish_reason":"length"}],"usage":{"prompt_tokens":20,"completion_tokens":5}})";

const std::string kResponsesBody =
    R"({"id":"r","model":"m","status":"incomplete","error":null,"incomplete_details":{"reason":"max_output_tokens"},)"
    R"("output":[{"type":"reasoning"},{"type":"function_call","arguments":"{}"},{"type":"message","content":[)"
    R"({"type":"output_text","text":"é"},{"type":"refusal","refusal":"No."}]}],"usage":{"input_tokens":1,"output_tokens":2}})";

// In pieces of that size.
template <class AnswerOfApi>
Outcome streamed(std::string_view bytes, std::size_t piece = std::string::npos) {
  std::vector<std::string_view> pieces;
  for (; !bytes.empty(); bytes.remove_prefix(pieces.back().size())) pieces.push_back(bytes.substr(0, piece));
  return outcome_of<AnswerOfApi>(pieces, true);
}

template <class AnswerOfApi>
Outcome whole(const std::string& bytes) {
  return outcome_of<AnswerOfApi>({bytes}, false);
}

const Outcome kUnfinished;  // a connection that was lost, and worth another try
const Outcome kNonsense{.code = Code::llm_error};

TEST(OpenAiRobust, SurvivesEveryBrokenByte) {
  for (const bool tool : {false, true}) {
    expect_robust<ChatAnswer>(kChatStream, true, tool);
    expect_robust<ResponsesAnswer>(kResponsesStream, true, tool);
    expect_robust<ChatAnswer>(kChatBody, false, tool);
    expect_robust<ResponsesAnswer>(kResponsesBody, false, tool);
    const auto* text = tool ? "{\"a\":1}" : "é🙂 é";
    EXPECT_EQ(outcome_of<ChatAnswer>({kChatStream}, true, tool).text, text);
    EXPECT_EQ(outcome_of<ResponsesAnswer>({kResponsesStream}, true, tool).text, text);
  }
}

TEST(OpenAiRobust, GivesTheSameHoweverAStreamIsSplit) {
  const auto chat = streamed<ChatAnswer>(kChatStream);
  const auto response = streamed<ResponsesAnswer>(kResponsesStream);
  for (std::size_t piece = 1; piece < kChatStream.size(); ++piece) {
    EXPECT_EQ(streamed<ChatAnswer>(kChatStream, piece), chat) << piece;
    EXPECT_EQ(streamed<ResponsesAnswer>(kResponsesStream, piece), response) << piece;
  }
}

TEST(OpenAiRobust, TakesNoBeginningForAnAnswer) {
  const auto end_of = [](const std::string& stream, std::string_view event) {
    const auto end = stream.find("\n\n", stream.find(event));
    return end + 2;
  };
  const auto chat_end = end_of(kChatStream, R"("finish_reason":"stop")");
  for (std::size_t size = 0; size <= kChatStream.size(); ++size) {
    const auto outcome = streamed<ChatAnswer>(std::string_view(kChatStream).substr(0, size));
    EXPECT_EQ(outcome == kUnfinished, size < chat_end) << size;
    EXPECT_EQ(outcome.replied, size >= chat_end) << size;
  }
  const auto response_end = end_of(kResponsesStream, "event: response.completed");
  for (std::size_t size = 0; size <= kResponsesStream.size(); ++size) {
    const auto outcome = streamed<ResponsesAnswer>(std::string_view(kResponsesStream).substr(0, size));
    EXPECT_EQ(outcome == kUnfinished, size < response_end) << size;
    EXPECT_EQ(outcome.replied, size >= response_end) << size;
  }
  for (std::size_t size = 0; size < kChatBody.size(); ++size) {
    EXPECT_EQ(whole<ChatAnswer>(kChatBody.substr(0, size)), kNonsense) << size;
  }
  for (std::size_t size = 0; size < kResponsesBody.size(); ++size) {
    EXPECT_EQ(whole<ResponsesAnswer>(kResponsesBody.substr(0, size)), kNonsense) << size;
  }
}

TEST(OpenAiRobust, LivesThroughDeepAndHugeThings) {
  const std::string deep = R"({"choices":)" + std::string(100'000, '[');
  EXPECT_EQ(whole<ChatAnswer>(deep), kNonsense);
  EXPECT_EQ(streamed<ChatAnswer>("data: " + deep + "\n\n"), kNonsense);
  const auto usage = whole<ChatAnswer>(
      R"({"choices":[{"index":1e300,"message":{}},{"message":{"content":"x"}}],"usage":{"prompt_tokens":1e300,)"
      R"("completion_tokens":-5}})");
  EXPECT_EQ(usage.text, "x");
}

struct OpenAiRobustOnTheWire : OpenAiTest {};

TEST_F(OpenAiRobustOnTheWire, ReadsBytesThatComeOneByOne) { expect_read_byte_by_byte(kChatStream, "é🙂 é"); }

}  // namespace
}  // namespace llm
