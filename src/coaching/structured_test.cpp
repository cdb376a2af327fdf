#include "coaching/structured.hpp"

#include "coaching/raw_answers.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

std::string found(std::string_view answer) {
  try {
    return base::write_json(json_in(answer));
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::llm_error);
    return error.message;
  }
}

TEST(JsonIn, FindsTheObjectInWhateverSurroundsIt) {
  for (const std::string_view answer : {
           R"({"a":1})",
           "  \n{ \"a\" : 1 }\n",
           "```json\n{\"a\":1}\n```",
           "Here it is:\n```\n{\"a\":1}\n```\nAnything else?",
           "Sure {as you wish}: {\"a\":1} - and {more} of that.",
           "An empty one: {} and then {\"a\":1}",
           "{'a': 2}\n{\"a\":1}",
       }) {
    EXPECT_EQ(found(answer), R"({"a":1})") << answer;
  }
}

TEST(JsonIn, TakesTenFencesInsideOfEachOther) {
  std::string answer = R"({"a":{"text":"with } and ``` and \" inside"}})";
  const auto plain = answer;
  for (int i = 0; i < 10; ++i) answer = "```json\n" + answer + "\n```";
  EXPECT_EQ(found(answer), base::write_json(base::parse_json(plain)));
}

TEST(JsonIn, RefusesWhatIsNoJson) {
  EXPECT_EQ(found("I would rather not."), "The model's answer holds no JSON object: it has none.");
  EXPECT_EQ(found(""), "The model's answer holds no JSON object: it has none.");
  for (const std::string_view broken :
       {R"({"a":1,})", R"({"a":NaN})", R"({"a":Infinity})", R"({"a":[1,2,]})", R"({"a":01})", R"({"a" 1})"}) {
    EXPECT_TRUE(found(broken).find("not valid JSON") != std::string::npos) << broken << ": " << found(broken);
  }
}

// What stands inside of a broken object is not the answer.
TEST(JsonIn, DoesNotTakeAPartForTheWhole) {
  EXPECT_EQ(found(R"({"a":{"b":1},"c":"cut o)"), "The model's answer holds no JSON object: it is cut off.");
  EXPECT_EQ(found(R"({"a":{"b":1})"), "The model's answer holds no JSON object: it is cut off.");
  EXPECT_TRUE(found(R"({"a":{"b":1},})").find("not valid JSON") != std::string::npos);
}

TEST(JsonIn, RefusesAMemberThatIsSaidTwice) {
  EXPECT_EQ(found(R"({"score":10,"score":90})"), "The model's answer says a member of the JSON object twice.");
  EXPECT_EQ(found(R"({"x":{"a":1,"a":1}})"), "The model's answer says a member of the JSON object twice.");
  EXPECT_EQ(found(R"({"a":"say: \"b\": 1","b":2})"), R"({"a":"say: \"b\": 1","b":2})");
}

TEST(JsonIn, EndsInTimeForAnythingAtAll) {
  std::string braces;
  for (int i = 0; i < 200'000; ++i) braces += "{\"";
  EXPECT_FALSE(found(braces).empty());
  EXPECT_FALSE(found(std::string(500'000, '{')).empty());
  EXPECT_FALSE(found(std::string(500'000, '}')).empty());
}

struct AskStructured : testing::Test, World {
  AskStructured()
      : schema(base::parse_json(
            R"({"type":"object","additionalProperties":false,"required":["statement","score"],
                "properties":{"statement":{"type":"string"},"score":{"type":"integer","minimum":0,"maximum":100}}})")) {
    first->model.on_complete = [this](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
      asked.push_back(request);
      const auto at = std::min(asked.size() - 1, says.size() - 1);
      auto reply = first->model.answer(request, sink, says[at]);
      if (at < ends.size()) reply.finish_reason = ends[at];
      reply.cost_usd = 0.5;
      co_return reply;
    };
  }

  Structured ask() {
    llm::Request request;
    request.purpose = llm::Purpose::analysis;
    request.max_tokens = 100;
    request.messages = {{llm::Role::user, base::PrivateText("Judge this.")}};
    return run(ask_structured(first->coaching, account, request, schema));
  }
  double counted(const std::string& outcome) {
    return metrics.counter("purposepath_structured_answers_total", "", {{"purpose", "analysis"}, {"outcome", outcome}})
        .value();
  }

  base::Schema schema;
  Account account{owner, "alignment", "free", "anls_1"};
  std::vector<std::string> says;
  std::vector<llm::FinishReason> ends;
  std::vector<llm::Request> asked;
};

constexpr const char* kGood = R"({"statement":"Bread for all.","score":80})";

TEST_F(AskStructured, GivesTheValueOfAValidAnswer) {
  says = {"```json\n" + std::string(kGood) + "\n```"};
  const auto answer = ask();
  EXPECT_EQ(answer.outcome, StructuredOutcome::valid);
  EXPECT_EQ(base::write_json(answer.value), kGood);
  EXPECT_EQ(answer.spent.calls, 1);
  EXPECT_EQ(asked[0].schema, &schema.source());
  EXPECT_EQ(counted("valid"), 1);
  EXPECT_TRUE(run(list_raw_answers(*store, "", 10)).empty());
}

TEST_F(AskStructured, SendsAnInvalidAnswerBackOnceWithItsFaults) {
  says = {R"({"statement":"  ","score":80})", kGood};
  const auto answer = ask();
  EXPECT_EQ(answer.outcome, StructuredOutcome::valid);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[1].messages.back().role, llm::Role::assistant);
  EXPECT_EQ(asked[1].messages.back().content.reveal(), says[0]);
  EXPECT_NE(asked[1].guidance.reveal().find("- statement must not be empty"), std::string::npos);
  EXPECT_EQ(answer.spent.calls, 2);
  EXPECT_DOUBLE_EQ(answer.spent.cost_usd, 1.0);
  EXPECT_GT(answer.spent.usage.completion_tokens, 0);
  EXPECT_EQ(counted("repaired"), 1);
}

TEST_F(AskStructured, NamesEveryFaultOfTheSchemaToTheModel) {
  says = {R"({"score":120,"extra":1})", kGood};
  ask();
  const auto told = asked[1].guidance.reveal();
  for (const auto* field : {"statement", "score", "extra"}) EXPECT_NE(told.find(field), std::string::npos) << told;
}

TEST_F(AskStructured, KeepsTheAnswerThatCouldNotBeRepaired) {
  says = {"No JSON today.", R"({"statement":"Secret words","score":"high"})"};
  const auto answer = ask();
  EXPECT_EQ(answer.outcome, StructuredOutcome::invalid);
  EXPECT_TRUE(answer.value.is_null());
  EXPECT_EQ(asked.size(), 2u);
  EXPECT_NE(answer.fault.find("score"), std::string::npos);
  EXPECT_EQ(answer.fault.find("Secret words"), std::string::npos);
  EXPECT_EQ(counted("invalid"), 1);
  const auto raw = run(find_raw_answer(*store, answer.raw_answer_id));
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->text.reveal(), says[1]);
  EXPECT_EQ(raw->purpose, "analysis");
  EXPECT_EQ(raw->topic, "alignment");
  EXPECT_EQ(raw->fault, answer.fault);
}

TEST_F(AskStructured, DoesNotAskAgainWhenTheModelRefuses) {
  says = {"I cannot help with that."};
  for (const auto reason : {llm::FinishReason::refusal, llm::FinishReason::content_filter}) {
    asked.clear();
    ends = {reason};
    const auto answer = ask();
    EXPECT_EQ(answer.outcome, StructuredOutcome::refused);
    EXPECT_EQ(asked.size(), 1u);
    EXPECT_FALSE(answer.raw_answer_id.empty());
  }
  EXPECT_EQ(counted("refused"), 2);
}

TEST_F(AskStructured, GivesAnAnswerThatWasCutOffTwiceTheRoomOnce) {
  says = {R"({"statement":"Bread for)", kGood};
  ends = {llm::FinishReason::length, llm::FinishReason::stop};
  EXPECT_EQ(ask().outcome, StructuredOutcome::valid);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].max_tokens, 100);
  EXPECT_EQ(asked[1].max_tokens, 200);
  EXPECT_EQ(asked[1].messages.size(), 1u);  // half an answer is not sent back

  asked.clear();
  ends = {llm::FinishReason::length, llm::FinishReason::length};
  says = {R"({"statement":"Bread for)"};
  const auto answer = ask();
  EXPECT_EQ(answer.outcome, StructuredOutcome::cut_off);
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(AskStructured, TakesAWholeAnswerThatEndedAtItsLimit) {
  says = {kGood};
  ends = {llm::FinishReason::length};
  EXPECT_EQ(ask().outcome, StructuredOutcome::valid);
  EXPECT_EQ(asked.size(), 1u);
}

TEST_F(AskStructured, LetsFailuresOfTheModelThrough) {
  first->model.on_complete = [](const llm::Request&, const llm::Sink&) -> Task<llm::Reply> {
    throw Error(Code::llm_timeout, "too slow");
    co_return llm::Reply{};
  };
  EXPECT_EQ(error_of([&] { ask(); }), Code::llm_timeout);
}

TEST_F(AskStructured, KeepsRawAnswersByTenantForTwoWeeksAndNoLargerThanTheirLimit) {
  says = {std::string(200'000, '\x01')};
  const auto id = ask().raw_answer_id;
  account.owner = {"other", "otto"};
  says = {"\xff not UTF-8"};
  ask();
  ASSERT_EQ(run(list_raw_answers(*store, "", 10)).size(), 2u);
  const auto mine = run(list_raw_answers(*store, "bakery", 10));
  ASSERT_EQ(mine.size(), 1u);
  EXPECT_EQ(mine[0].raw_answer_id, id);
  EXPECT_EQ(mine[0].text.size(), kMostRawBytes);
  EXPECT_EQ(mine[0].bytes, 200'000);
  clock.advance(std::chrono::hours(24 * 14 + 1));
  EXPECT_TRUE(run(list_raw_answers(*store, "", 10)).empty());
  EXPECT_FALSE(run(find_raw_answer(*store, id)));
}

struct RawAnswersOfConversations : testing::Test, World {
  std::string broken() {
    const auto id = start().conversation_id;
    say(id, "We baked through the night.");
    first->model.answers = {"That is no JSON."};
    run(complete_conversation(first->coaching, owner, id, {}));
    return id;
  }
};

TEST_F(RawAnswersOfConversations, AreNamedWhereReviewIsNeeded) {
  const auto now = stored(broken());
  EXPECT_EQ(now.status, Status::needs_review);
  const auto raw = run(find_raw_answer(*store, now.raw_answer_id));
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->reference, now.conversation_id);
  EXPECT_EQ(raw->text.reveal(), "That is no JSON.");
}

TEST_F(RawAnswersOfConversations, AreErasedWithThem) {
  const auto id = broken();
  ASSERT_EQ(run(list_raw_answers(*store, "", 10)).size(), 1u);
  run(delete_conversation(first->coaching, owner, id));
  EXPECT_TRUE(run(list_raw_answers(*store, "", 10)).empty());
  // And none comes back.
  llm::Reply late;
  late.text = base::PrivateText("late");
  const Account account{owner, "core_values", "free", id};
  EXPECT_EQ(run(keep_raw_answer(first->coaching, account, llm::Purpose::extraction, late, "fault")), "");
  EXPECT_TRUE(run(list_raw_answers(*store, "", 10)).empty());
}

}  // namespace
}  // namespace coaching
