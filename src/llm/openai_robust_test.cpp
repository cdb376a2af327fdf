// Whatever bytes a server sends: an answer, or an error of the list, and never an answer that has not ended.
#include <gtest/gtest.h>

#include <algorithm>

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

struct Outcome {
  std::string text;
  FinishReason finish = FinishReason::stop;
  std::string failed;  // the code's name; "" for an answer
  bool operator==(const Outcome&) const = default;
};

// As call_vendor does it, without the network.
template <class AnswerOfApi, class Feed>
Outcome outcome_of(bool forced_tool, const Feed& feed) {
  std::string seen;
  const Sink sink = [&](std::string_view text) { seen += text; };
  try {
    AnswerOfApi answer("server", sink, forced_tool);
    feed(answer);
    if (!answer.has_finish()) return {.failed = "unfinished"};
    const auto reply = std::move(answer).reply(7, "m");
    EXPECT_EQ(reply.text.reveal(), seen);
    EXPECT_GE(reply.usage.prompt_tokens, 0);
    return {reply.text.reveal(), reply.finish_reason, ""};
  } catch (const base::Error& error) {
    EXPECT_TRUE(error.code == Code::llm_error || error.code == Code::llm_unavailable) << error.message;
    return {.failed = std::string(base::to_string(error.code))};
  }
}

template <class AnswerOfApi>
Outcome streamed(std::string_view bytes, bool forced_tool = false, std::size_t piece = std::string::npos) {
  return outcome_of<AnswerOfApi>(forced_tool, [&](AnswerOfApi& answer) {
    for (std::size_t begin = 0; begin < bytes.size() && !answer.is_done(); begin += std::min(piece, bytes.size())) {
      const std::string own(bytes.substr(begin, piece));  // in memory of its own, so that a sanitizer sees its end
      answer.take_piece(own);
    }
  });
}

template <class AnswerOfApi>
Outcome whole(const std::string& bytes, bool forced_tool = false) {
  return outcome_of<AnswerOfApi>(forced_tool, [&](AnswerOfApi& answer) { answer.take_body(bytes); });
}

template <class Run>
void corrupt_each_byte(const std::string& bytes, const Run& run) {
  constexpr std::string_view kInstead{"\0\xff\"}\n9[\\", 8};
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const char instead : kInstead) {
      auto corrupted = bytes;
      corrupted[at] = instead;
      run(corrupted);
    }
  }
}

TEST(OpenAiRobust, GivesTheSameHoweverAStreamIsSplit) {
  for (const bool tool : {false, true}) {
    const auto chat = streamed<ChatAnswer>(kChatStream, tool);
    const auto response = streamed<ResponsesAnswer>(kResponsesStream, tool);
    EXPECT_EQ(chat.text, tool ? "{\"a\":1}" : "é🙂 é");
    EXPECT_EQ(response.text, chat.text);
    for (std::size_t piece = 1; piece < kChatStream.size(); ++piece) {
      EXPECT_EQ(streamed<ChatAnswer>(kChatStream, tool, piece), chat) << piece;
      EXPECT_EQ(streamed<ResponsesAnswer>(kResponsesStream, tool, piece), response) << piece;
    }
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
    EXPECT_EQ(outcome.failed, size < chat_end ? "unfinished" : "") << size;
  }
  const auto response_end = end_of(kResponsesStream, "event: response.completed");
  for (std::size_t size = 0; size <= kResponsesStream.size(); ++size) {
    const auto outcome = streamed<ResponsesAnswer>(std::string_view(kResponsesStream).substr(0, size));
    EXPECT_EQ(outcome.failed, size < response_end ? "unfinished" : "") << size;
  }
  for (std::size_t size = 0; size < kChatBody.size(); ++size) {
    EXPECT_EQ(whole<ChatAnswer>(kChatBody.substr(0, size)).failed, "llm_error") << size;
  }
  for (std::size_t size = 0; size < kResponsesBody.size(); ++size) {
    EXPECT_EQ(whole<ResponsesAnswer>(kResponsesBody.substr(0, size)).failed, "llm_error") << size;
  }
}

TEST(OpenAiRobust, LivesThroughAnyByteThatIsAnother) {
  for (const bool tool : {false, true}) {
    corrupt_each_byte(kChatStream, [&](const std::string& bytes) { streamed<ChatAnswer>(bytes, tool); });
    corrupt_each_byte(kResponsesStream, [&](const std::string& bytes) { streamed<ResponsesAnswer>(bytes, tool); });
    corrupt_each_byte(kChatBody, [&](const std::string& bytes) { whole<ChatAnswer>(bytes, tool); });
    corrupt_each_byte(kResponsesBody, [&](const std::string& bytes) { whole<ResponsesAnswer>(bytes, tool); });
  }
}

TEST(OpenAiRobust, LivesThroughDeepAndHugeThings) {
  const std::string deep = R"({"choices":)" + std::string(100'000, '[');
  EXPECT_EQ(whole<ChatAnswer>(deep).failed, "llm_error");
  EXPECT_EQ(streamed<ChatAnswer>("data: " + deep + "\n\n").failed, "llm_error");
  const auto usage = whole<ChatAnswer>(
      R"({"choices":[{"index":1e300,"message":{}},{"message":{"content":"x"}}],"usage":{"prompt_tokens":1e300,)"
      R"("completion_tokens":-5}})");
  EXPECT_EQ(usage.text, "x");
}

struct OpenAiRobustOnTheWire : OpenAiTest {};

TEST_F(OpenAiRobustOnTheWire, ReadsBytesThatComeOneByOne) {
  Impostor server(context, [](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send_byte_by_byte(stream_answer(kChatStream));
  });
  const auto from = provider(server);
  EXPECT_EQ(complete(*from, request()).text.reveal(), "é🙂 é");
  EXPECT_EQ(OpenAiTest::streamed, "é🙂 é");
}

}  // namespace
}  // namespace llm
