#include <gtest/gtest.h>

#include "llm/openai_body.hpp"
#include "llm/openai_fixture_test.hpp"
#include "llm/schema_dialect.hpp"

namespace llm {
namespace {

// A schema with an optional member: OpenAI's strict dialect has it required and nullable.
const json::value& schema() {
  static const auto value = json::parse(R"({"type":"object","properties":{"mood":{"type":"string"},
      "note":{"type":"string"}},"required":["mood"],"additionalProperties":false})");
  return value;
}

struct Structured : OpenAiTest {
  static Request asked_with_schema() {
    auto asked = request();
    asked.schema = &schema();
    asked.schema_name = "result";
    asked.guidance = base::PrivateText("Judge the mood.");
    return asked;
  }

  Reply ask_as(StructuredOutput form, OpenAiApi api, const std::string& with_answer, bool stream) {
    Impostor server(context, answers({with_answer}));
    auto model = some_model();
    model.structured = form;
    model.api = api;
    const auto from = provider(server, {}, model);
    return complete(*from, asked_with_schema(), stream);
  }
  Reply chat_as(StructuredOutput form, const std::string& with_answer, bool stream = true) {
    return ask_as(form, OpenAiApi::chat, with_answer, stream);
  }
  Reply respond_as(StructuredOutput form, const std::string& with_answer, bool stream = true) {
    return ask_as(form, OpenAiApi::responses, with_answer, stream);
  }
};

const auto kStrict = [] { return to_dialect(schema(), Dialect::openai_strict); };

constexpr const char* kPlain = R"({"choices":[{"message":{"content":"{}"},"finish_reason":"stop"}]})";
constexpr const char* kResponse =
    R"({"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"{}"}]}]})";

std::string call_delta(std::string_view arguments, int index = 0) {
  return R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":)" + std::to_string(index) +
         R"(,"function":{"arguments":)" + json::serialize(json::string(arguments)) + R"(}}]},"finish_reason":null}]})" +
         "\n\n";
}
constexpr const char* kCalled = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n";

TEST_F(Structured, AsksForASchemaInOpenAisDialect) {
  chat_as(StructuredOutput::schema, json_ok(kPlain), false);
  EXPECT_EQ(sent().at("response_format"),
            json::value({{"type", "json_schema"},
                         {"json_schema", {{"name", "result"}, {"strict", true}, {"schema", kStrict()}}}}));
  respond_as(StructuredOutput::schema, json_ok(kResponse), false);
  EXPECT_EQ(sent().at("text"),
            json::value(
                {{"format", {{"type", "json_schema"}, {"name", "result"}, {"strict", true}, {"schema", kStrict()}}}}));
}

TEST_F(Structured, TellsSchemasApartHoweverManyThereAre) {
  for (int i = 0; i < 200; ++i) {
    const json::value schema{{"type", "object"}, {"description", std::to_string(i % 100)}};
    Request asked;
    asked.schema = &schema;
    std::string out;
    append_schema(out, asked, "schema");
    EXPECT_EQ(json::parse("{" + out + "}").at("schema").at("description"), json::value(std::to_string(i % 100)));
  }
}

TEST_F(Structured, ForcesATool) {
  chat_as(StructuredOutput::tool, json_ok(kPlain), false);
  auto body = sent();
  EXPECT_EQ(
      body.at("tools"),
      json::value(json::array{
          {{"type", "function"}, {"function", {{"name", "result"}, {"strict", true}, {"parameters", kStrict()}}}}}));
  EXPECT_EQ(body.at("tool_choice"), json::parse(R"({"type":"function","function":{"name":"result"}})"));
  EXPECT_EQ(body.at("parallel_tool_calls"), false);
  EXPECT_FALSE(body.contains("response_format"));
  respond_as(StructuredOutput::tool, json_ok(kResponse), false);
  body = sent();
  EXPECT_EQ(body.at("tools"),
            json::value(
                json::array{{{"type", "function"}, {"name", "result"}, {"strict", true}, {"parameters", kStrict()}}}));
  EXPECT_EQ(body.at("tool_choice"), json::parse(R"({"type":"function","name":"result"})"));
  EXPECT_FALSE(body.contains("text"));
}

TEST_F(Structured, TellsTheSchemaInWords) {
  for (const auto form : {StructuredOutput::json, StructuredOutput::words}) {
    const auto guidance = "Judge the mood.\n\n" + ask_for_json(schema());
    const bool json_object = form == StructuredOutput::json;
    chat_as(form, json_ok(kPlain), false);
    auto body = sent();
    EXPECT_EQ(body.at("messages").as_array().back().at("content"), json::value(guidance));
    EXPECT_EQ(body.contains("response_format"), json_object);
    if (json_object) EXPECT_EQ(body.at("response_format"), json::parse(R"({"type":"json_object"})"));
    respond_as(form, json_ok(kResponse), false);
    body = sent();
    EXPECT_EQ(body.at("input").as_array().back().at("content"), json::value(guidance));
    EXPECT_EQ(body.contains("text"), json_object);
    if (json_object) EXPECT_EQ(body.at("text"), json::parse(R"({"format":{"type":"json_object"}})"));
  }
}

TEST_F(Structured, TakesWhatTheToolIsCalledWithAsTheAnswer) {
  const auto whole =
      chat_as(StructuredOutput::tool, json_ok(R"({"choices":[{"message":{"role":"assistant","content":null,
        "tool_calls":[{"id":"call_1","type":"function","function":{"name":"result","arguments":"{\"mood\":\"calm\"}"}},
        {"id":"call_2","type":"function","function":{"name":"result","arguments":"{}"}}]},"finish_reason":"tool_calls"}]})"),
              false);
  EXPECT_EQ(whole.text.reveal(), R"({"mood":"calm"})");
  EXPECT_EQ(whole.finish_reason, FinishReason::stop);
  const auto pieces =
      chat_as(StructuredOutput::tool, stream_ok(delta("Let me see.") + call_delta("") + call_delta(R"({"mood":)") +
                                                call_delta("{}", 1) + call_delta(R"("calm"})") + kCalled + kDone));
  EXPECT_EQ(pieces.text.reveal(), R"({"mood":"calm"})");
  EXPECT_EQ(streamed, pieces.text.reveal());
}

TEST_F(Structured, TakesArgumentsThatAreNoText) {
  const auto reply = chat_as(
      StructuredOutput::tool,
      json_ok(R"({"choices":[{"message":{"tool_calls":[{"function":{"arguments":{"mood":"calm"}}}]}}]})"), false);
  EXPECT_EQ(reply.text.reveal(), R"({"mood":"calm"})");
}

TEST_F(Structured, TakesTheTextOfAServerThatDoesNotCallTheTool) {
  const auto reply = chat_as(StructuredOutput::tool, stream_ok(delta("{\"mood\"") + delta(":1}") + kFinish + kDone));
  EXPECT_EQ(reply.text.reveal(), R"({"mood":1})");
  EXPECT_EQ(streamed, reply.text.reveal());
}

TEST_F(Structured, KeepsToItsBoundForArgumentsAndForWhatIsSaidBesides) {
  std::string events;
  std::string calls;
  for (int i = 0; i < 20; ++i) {
    events += delta(std::string(64 * 1024, 'x'));
    calls += call_delta(std::string(64 * 1024, 'x'));
  }
  for (const auto& large : {events, calls}) {
    Impostor server(context, answers({stream_ok(large + kFinish + kDone)}));
    auto model = some_model();
    model.structured = StructuredOutput::tool;
    const auto from = provider(server, {}, model);
    EXPECT_EQ(failure(*from, true, asked_with_schema()).code, Code::llm_error);
  }
}

TEST_F(Structured, ReportsARefusal) {
  for (const auto form : {StructuredOutput::schema, StructuredOutput::tool}) {
    const auto reply = chat_as(
        form, json_ok(R"({"choices":[{"message":{"content":null,"refusal":"No."},"finish_reason":"stop"}]})"), false);
    EXPECT_EQ(reply.finish_reason, FinishReason::refusal);
    EXPECT_EQ(reply.text.reveal(), "No.");
  }
}

}  // namespace
}  // namespace llm
