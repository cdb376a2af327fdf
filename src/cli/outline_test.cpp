#include "cli/outline.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"

namespace cli {
namespace {

TEST(Outline, ShowsListsOfNamedThingsWithTheirMembers) {
  const auto value = base::parse_json(
      R"({"values":[{"name":"Craft","importance":5,"behaviours":["throw away what is not right"],"red_flag":null}],
          "summary":"Bread first."})");
  EXPECT_EQ(outline(value, 80),
            "Values\n"
            "  * Craft\n"
            "      Importance: 5\n"
            "      Behaviours\n"
            "        - throw away what is not right\n"
            "Summary: Bread first.\n");
}

TEST(Outline, WrapsLongTextUnderItsHeading) {
  EXPECT_EQ(outline(base::parse_json(R"({"why":"one two three four five six"})"), 20),
            "Why: one two three\n    four five six\n");
}

TEST(Outline, DrawsScores) {
  EXPECT_EQ(outline(base::parse_json(R"({"scores":{"overall_score":62,"clarity":0},"kpi_score":100,"score":230,
                                       "months":3,"sizes":{"a":1}})"),
                    80),
            "Scores\n"
            "  Overall score   62  ████████████░░░░░░░░\n"
            "  Clarity          0  ░░░░░░░░░░░░░░░░░░░░\n"
            "Kpi score: 100  ████████████████████\n"
            "Score: 230\n"
            "Months: 3\n"
            "Sizes\n"
            "  A: 1\n");
}

TEST(Outline, MakesATableOfSmallThingsWithOneTextAtMost) {
  EXPECT_EQ(outline(base::parse_json(R"({"plan":[{"action":"one two three four five six seven","due":"May","who":null},
                                       {"action":"eight","due":"Wednesday","who":"Ida"}]})"),
                    44),
            "Plan\n"
            "  Due        Who  Action\n"
            "  May        -    one two three four five\n"
            "                  six seven\n"
            "  Wednesday  Ida  eight\n");
}

TEST(Outline, HeadsLargerThingsByTheirFirstText) {
  EXPECT_EQ(
      outline(base::parse_json(
                  R"([{"number":1,"action":"Call two other suppliers by phone","why":"One is not enough for spring"},
                                       {"number":2,"action":"Order by mail instead of by phone","why":"Letters get lost less often"},[7]])"),
              80),
      "* Call two other suppliers by phone\n"
      "    Number: 1\n"
      "    Why: One is not enough for spring\n"
      "* Order by mail instead of by phone\n"
      "    Number: 2\n"
      "    Why: Letters get lost less often\n"
      "*\n"
      "    - 7\n");
}

TEST(Outline, LetsNoTextSteerTheTerminal) {
  EXPECT_EQ(outline(base::parse_json(R"(["a\u001b[2Jb\u009bc"])"), 80), "- a?[2Jb?c\n");
}

TEST(Label, IsWhatAPersonWouldWrite) { EXPECT_EQ(label("red_flag"), "Red flag"); }

}  // namespace
}  // namespace cli
