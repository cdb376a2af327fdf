#include "cli/analysis_input.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "cli/commands.hpp"

namespace cli {
namespace {

namespace json = base::json;

const json::value kSchema = base::parse_json(R"({"type":"object","additionalProperties":false,
  "required":["kind","text","items"],
  "properties":{
    "kind":{"type":"string","enum":["swot","plan"],"description":"Which one"},
    "text":{"type":"string","description":"What it's about"},
    "items":{"type":"array","description":"What there is","items":{"type":"object","required":["name","weight"],
      "properties":{"name":{"type":"string"},"weight":{"type":"integer","minimum":2},"note":{"type":"string"}}}},
    "score":{"type":["integer","null"]},
    "context":{"type":["object","null"],"properties":{
      "goal":{"type":["string","null"]},"team":{"type":["array","null"],"items":{"type":"string"}}}}}})");

json::value set(std::initializer_list<std::string_view> assignments) {
  json::object input;
  for (const auto assignment : assignments) set_member(input, kSchema, assignment);
  return input;
}
std::string missing(const json::value& input) { return explain_missing("x", kSchema, input.as_object()); }

std::string refusal(std::string_view assignment) {
  try {
    set({assignment});
  } catch (const UsageError& wrong) {
    return wrong.message;
  }
  return "";
}

TEST(SetMember, GoesByTheSchemasTypes) {
  EXPECT_EQ(set({"text=1", "score=7", R"(items=[{"name":"a","weight":3}])"}),
            base::parse_json(R"({"text":"1","score":7,"items":[{"name":"a","weight":3}]})"));
  EXPECT_EQ(set({"context.goal=a=b", "context.team=Ida", "context.team=Tom", R"(items={"name":"x"})"}),
            base::parse_json(R"({"context":{"goal":"a=b","team":["Ida","Tom"]},"items":[{"name":"x"}]})"));
  EXPECT_EQ(set({"context.team=Ida", R"(context.team=["Tom"])"}), base::parse_json(R"({"context":{"team":["Tom"]}})"));
  EXPECT_EQ(set({"context.budget=500", "context.mood=well"}),
            base::parse_json(R"({"context":{"budget":500,"mood":"well"}})"))
      << "what the schema leaves open";
}

TEST(SetMember, SaysWhatIsWrong) {
  EXPECT_EQ(refusal("txt=a"), "--set txt: there is no member txt; did you mean text?");
  EXPECT_EQ(refusal("quite_another=a"),
            "--set quite_another: there is no member quite_another; there are kind, text, items, score, context");
  EXPECT_EQ(refusal("score=high"), R"(--set score: must be ["integer","null"], written as JSON)");
  EXPECT_EQ(refusal("=a"), "--set : write member=value");
  EXPECT_EQ(refusal("text"), "--set text: write member=value");
}

TEST(ExplainMissing, TellsWhatEachMustBeAndHowToGiveIt) {
  EXPECT_EQ(missing(set({"kind=plan"})),
            "the analysis x needs text, items:\n"
            "  text  What it's about\n"
            "  items  What there is (a list)\n"
            "It also takes score, context.goal, context.team.\n"
            "For example:\n"
            "  purposepath analyze x --set kind=plan --set 'text=What it'\\''s about' "
            "--set 'items=[{\"name\":\"…\",\"weight\":2}]'");
  EXPECT_NE(missing(set({})).find("  kind  Which one: swot, plan\n"), std::string::npos);
  EXPECT_EQ(missing(set({"kind=plan", "text=a", "items=[]"})), "");
  EXPECT_EQ(explain_missing("x", base::parse_json(R"({"type":"object"})"), {}), "");
}

}  // namespace
}  // namespace cli
