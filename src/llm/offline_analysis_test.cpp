#include "llm/offline_analysis.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/yaml.hpp"
#include "llm/offline_analysis_script.hpp"

namespace llm::offline {
namespace {

json::value yaml(std::string_view text) { return base::yaml_to_json(text, "offline.yaml"); }

// A script whose result is one field, `answer`, of the given type.
json::value answer_to(std::string_view script, const json::value& input,
                      std::string_view type = R"({"type":["string","null"]})") {
  const auto schema =
      json::parse(R"({"type":"object","additionalProperties":false,"required":["answer"],"properties":{"answer":)" +
                  std::string(type) + "}}");
  const auto parsed = yaml(script);
  return analysis_of(&parsed, &input, &schema).at("answer");
}

constexpr std::string_view kList = R"({"type":"array","items":{"type":"string"}})";

std::string fault_of(std::string_view script) {
  std::vector<ScriptFault> faults;
  const auto parsed = yaml(script);
  read_analysis_script(parsed, faults);
  return faults.empty() ? "" : faults.front().where + ": " + faults.front().message;
}

// What `formula` gives for input.text as `t` and input.other, as a text.
std::string one(std::string_view formula, std::string_view text = "", const json::value& other = nullptr) {
  const auto script =
      "reads: {t: text, other: other}\nsignals:\n  good: [loyal*, proud of, reliab*]\n  bad: {words: slow*, opposite: "
      "good}\n"
      "  cause: [because]\n  we_help: [we help]\n  does: ^call*\nresult:\n  answer: |-\n    " +
      std::string(formula) + "\n";
  const auto value = answer_to(script, {{"text", text}, {"other", other}});
  return value.is_null() ? "null" : std::string(value.get_string());
}

TEST(OfflineAnalysis, ReckonsLikeASpreadsheet) {
  EXPECT_EQ(one("= 1 + 2 * 3 - 4 / 8"), "6.5");
  EXPECT_EQ(one("= (1 + 2) * 3"), "9");
  EXPECT_EQ(one("= if(2 > 1 and not (1 >= 2), \"yes\", 'no')"), "yes");
  EXPECT_EQ(one("= null ?? \"else\""), "else");
  EXPECT_EQ(one("= 1 / 0"), "null");
  EXPECT_EQ(one("= round(mean([1, 2, 4], null), 1)"), "2.3");
  EXPECT_EQ(one("= score(140)"), "100");
  EXPECT_EQ(one("= level(55, \"weak\", 40, \"fair\", 70, \"strong\")"), "fair");
  EXPECT_EQ(one("= level(null, \"weak\", 40, \"strong\")"), "weak");
  EXPECT_EQ(one("= number(\"about 2,500.50 a month\")"), "2500.5");
  EXPECT_EQ(one("= \"B\" in [\"a\", \"b\"]"), "yes");
  EXPECT_EQ(one("= \"price\" in \"The prices\""), "yes");
  EXPECT_EQ(one("= size([1, 2] + 3)"), "3");
}

TEST(OfflineAnalysis, WritesValuesIntoTexts) {
  EXPECT_EQ(one("{plural(size(other), 'gap', 'gaps')}: {text(other)}, {1/3}{null}.", "", json::array{"a", "b", "c"}),
            "3 gaps: a, b and c, 0.33.");
  EXPECT_EQ(one("so {quote(at(sentences(t), -1))} }", "First. I think you say \"no\" here."),
            "so \u201Cyou say 'no' here\u201D }");
  EXPECT_EQ(one("= you(t)", "We lose our orders."), "You lose your orders");
}

TEST(OfflineAnalysis, ReckonsWithWorkingDays) {
  EXPECT_EQ(one("= add_workdays(\"2026-11-27\", 1)"), "2026-11-30");  // Friday to Monday
  EXPECT_EQ(one("= add_workdays(\"2026-11-28\", 0)"), "2026-11-30");
  EXPECT_EQ(one("= add_workdays(\"2026-11-30\", 0 - 1)"), "2026-11-27");
  EXPECT_EQ(one("= add_days(\"from 2024-02-28 on\", 1)"), "2024-02-29");
  EXPECT_EQ(one("= days_between(\"2026-12-24\", \"2027-01-01\")"), "8");
  EXPECT_EQ(one("= date(\"2026-02-30\")"), "null");
}

TEST(OfflineAnalysis, FindsSignalsInSentencesAndClauses) {
  const std::string_view text = "Our customers are loyal, but delivery is slow. We are proud of our bread. Rent rises.";
  EXPECT_EQ(one("= text(pick(t, good))", text),
            "We are proud of our bread. and Our customers are loyal, but delivery is slow.");
  EXPECT_EQ(one("= text(pick(clauses(t), bad))", text), "delivery is slow.");
  EXPECT_EQ(one("= text(divide(clauses(t), good, bad).good)", text),
            "Our customers are loyal and We are proud of our bread.");
  EXPECT_EQ(one("= count(t, good)", text), "2");
  EXPECT_EQ(one("= first(t, cause)", text), "null");
  EXPECT_EQ(one("= text(words_of(t, [good, bad]))", text), "loyal, slow and proud of");
}

TEST(OfflineAnalysis, ANegatedWordCountsForTheOpposite) {
  EXPECT_EQ(one("= count(t, bad)", "They are not slow."), "0");
  EXPECT_EQ(one("= count(t, good)", "They are not slow."), "1");
  EXPECT_EQ(one("= count(t, good)", "The van isn't reliable."), "0");
  EXPECT_EQ(one("= count(t, good)", "Not only reliable, they are friendly."), "1");
  EXPECT_EQ(one("= count(t, good)", "We do not advertise, and customers are loyal."), "1");
}

TEST(OfflineAnalysis, ASignalMayStandOnlyAtTheBeginning) {
  EXPECT_EQ(one("= text(pick(t, does))", "They call us. Call them."), "Call them.");
}

TEST(OfflineAnalysis, ComparesTwoTexts) {
  EXPECT_EQ(one("= overlap(t, \"baking bread for families\")", "We bake breads every day."), "0.67");
  EXPECT_EQ(one("= text(shared(t, \"baking bread for families\"))", "We bake breads every day."), "baking and bread");
  EXPECT_EQ(one("= text(lacking(t, \"baking bread for families\"))", "We bake breads every day."), "families");
  EXPECT_EQ(one("= shows(t, \"Craft\")", "We make everything by hand."), "yes");
  EXPECT_EQ(one("= shows(t, \"Courage\")", "We make everything by hand."), "no");
  EXPECT_EQ(one("= text(at(about(t, \"delivery times\"), 1))", "Rent is high. Delivery takes long."),
            "Delivery takes long.");
  EXPECT_EQ(one("= size(alike(other))", "", json::array{"Call ten customers", "Call our customers", "Paint the wall"}),
            "1");
}

TEST(OfflineAnalysis, FindsFactsInTexts) {
  const std::string_view text =
      "Marta finds ten restaurants by the end of June 2027. Sales fell by 12.5 % to \u20AC3,000 in Q3. I asked Tom "
      "Miller and our sales manager.";
  EXPECT_EQ(one("= text(numbers(t))", text), "2027, 12.5 %, \u20AC3,000 and ten restaurants");
  EXPECT_EQ(one("= text(dates(t))", text), "by the end of June 2027 and in Q3");
  EXPECT_EQ(one("= text(people(t))", text), "Marta, Tom Miller and sales manager");
  EXPECT_EQ(one("= text(people(t))", "Marketing will grow. Nobody takes notes. It may rain in May."), "null");
  EXPECT_EQ(
      one("= text(dates(t))", "Our shop in the station quarter sells most in spring, by the hot spring, this quarter."),
      "in spring and this quarter");
  EXPECT_EQ(one("= text(people(t))",
                "Our shops in Hamburg and near Main Street run well. I like Hamburg, and Ida likes "
                "the Alps. Customers from Lyon ask Otto. We deliver in Marta's van."),
            "Ida, Otto and Marta");
  EXPECT_EQ(one("= cause(t)", "Orders are late because the printer is old."), "the printer is old");
  EXPECT_EQ(one("= effect(t)", "Orders are late because the printer is old."), "Orders are late");
  EXPECT_EQ(one("= cause(t)", "The printer is old, so orders are late."), "The printer is old");
  EXPECT_EQ(one("= after(t, we_help)", "At Brot & Co we help small bakeries to sell more. And more."),
            "small bakeries to sell more");
  EXPECT_EQ(one("= text(keywords(t, 2))", "Bread first. Our bread sells, cakes do not. Breads and cakes!"),
            "bread and cakes");
}

TEST(OfflineAnalysis, ReadsListsOfTextsAndObjects) {
  const json::value tasks = json::parse(R"([{"name":"Slow printer","note":null},{"name":"Loyal guests"}])");
  EXPECT_EQ(one("= text(pick(other, bad).name)", "", tasks), "Slow printer");
  EXPECT_EQ(one("= text(other.name)", "", tasks), "Slow printer and Loyal guests");
  EXPECT_EQ(one("= size(where(other, \"name\", \"loyal guests\"))", "", tasks), "1");
  EXPECT_EQ(one("= has(null, good)"), "no");
  EXPECT_EQ(one("= size(sentences(other))", "", json::array{"One. Two.", "- Three"}), "3");
}

TEST(OfflineAnalysis, RowsWithWordsAreSignals) {
  const std::string_view script = R"(
reads: {t: text}
tables:
  areas:
    - {name: people, words: "staff, hire*", advice: Ask them.}
    - {name: money, words: "cash*, price*", advice: Count it.}
    - {name: law, words: contract*, advice: Read it.}
result:
  answer:
    - "= strongest(t, areas).advice"
    - each: = absent(t, areas)
      give: "no {item.name}"
)";
  EXPECT_EQ(json::serialize(answer_to(script, {{"text", "Prices and cash, and staff."}}, kList)),
            R"(["Count it.","no law"])");
  EXPECT_EQ(json::serialize(answer_to(script, {{"text", "Hm."}}, kList)), R"(["no people","no money","no law"])");
}

TEST(OfflineAnalysis, EachFiltersSortsLimitsAndCarries) {
  const std::string_view script = R"(
reads: {tasks: tasks}
result:
  answer:
    each: = tasks
    as: task
    when: = task.days > 0
    order: = task.weight
    most: 2
    carry: {day: 1}
    give: "{index}: {task.name} from {day}"
    then: {day: = day + task.days}
    else: nothing to do
)";
  const auto tasks = json::parse(
      R"([{"name":"a","days":2,"weight":1},{"name":"b","days":3,"weight":9},{"name":"c","days":0,"weight":99},{"name":"d","days":1,"weight":9}])");
  EXPECT_EQ(json::serialize(answer_to(script, {{"tasks", tasks}}, kList)), R"(["1: b from 1","2: d from 4"])");
  EXPECT_EQ(json::serialize(answer_to(script, json::object(), kList)), R"(["nothing to do"])");
}

TEST(OfflineAnalysis, ListsSpreadDropBlanksAndFallBack) {
  const std::string_view script = R"(
reads: {t: text}
result:
  answer:
    - = sentences(t)
    - when: = false
      give: never
    - ""
    - if_fewer_than: 2
      give: the text says too little
)";
  EXPECT_EQ(json::serialize(answer_to(script, {{"text", "One. Two."}}, kList)), R"(["One.","Two."])");
  EXPECT_EQ(json::serialize(answer_to(script, {{"text", "One."}}, kList)), R"(["One.","the text says too little"])");
}

TEST(OfflineAnalysis, ChoosesTheFirstThatGivesSomething) {
  const std::string_view script = R"yaml(
reads: {t: text}
result: {answer: {choose: ["= at(numbers(t), 1)", {when: = t, give: no number}, nothing at all]}}
)yaml";
  EXPECT_EQ(answer_to(script, {{"text", "12 eggs"}}), json::value("12"));
  EXPECT_EQ(answer_to(script, {{"text", "Eggs"}}), json::value("no number"));
  EXPECT_EQ(answer_to(script, json::object()), json::value("nothing at all"));
}

TEST(OfflineAnalysis, FitsTheSchema) {
  EXPECT_EQ(answer_to("result: {answer: = 3.6}", {}, R"({"type":"integer"})"), json::value(4));
  EXPECT_EQ(answer_to("result: {answer: [a, b, c]}", {}, R"({"type":"array","maxItems":2,"items":{"type":"string"}})"),
            json::value(json::array{"a", "b"}));
  EXPECT_TRUE(answer_to("result: {answer: ' '}", {}).is_null());
  EXPECT_EQ(
      answer_to(
          "result: {answer: {b: 1, c: 2}}", {},
          R"({"anyOf":[{"type":"object","properties":{"a":{"type":"integer"}}},{"type":"object","properties":{"b":{"type":"integer"}}},{"type":"null"}]})"),
      json::parse(R"({"b":1})"));
  for (const auto* type : {R"({"type":"string"})", R"({"type":"string","enum":["x"]})",
                           R"({"type":"array","minItems":1,"items":{"type":"string"}})"}) {
    EXPECT_THROW(answer_to("result: {answer: = null}", {}, type), base::Error) << type;
  }
}

TEST(OfflineAnalysis, FaultsSayWhatWasMeant) {
  EXPECT_EQ(fault_of("result:\n  a: = sise([1])"), "result.a: the function 'sise' is not known; did you mean 'size'?");
  EXPECT_EQ(fault_of("reads: {plan: plan}\nresult: {a: '{paln}'}"),
            "result.a: the name 'paln' is not known; did you mean 'plan'?");
  EXPECT_EQ(fault_of("result:\n  a: = quote(1, 2)"), "result.a: quote() takes 1 arguments and got 2");
  EXPECT_EQ(fault_of("result:\n  a: = (1 + 2"), "result.a: ')' is missing after what stands in brackets");
  EXPECT_EQ(fault_of("result: {a: = 1 1}"), "result.a: '1' is too much");
  EXPECT_EQ(fault_of("result: {a: '{1'}"), "result.a: '{1' is not closed by a brace");
  EXPECT_EQ(fault_of("resutl: {}"), ": 'resutl' is not known here; did you mean 'result'?");
  EXPECT_EQ(fault_of("signals: {s: [a*]}\nresult: {}"),
            "signals.s: 'a*' matches nothing: begin and end with a word, and give a stem* three letters");
  EXPECT_EQ(fault_of("signals: {s: Big}\nresult: {}"), "signals.s: 'Big' must be in small letters");
  EXPECT_EQ(fault_of("reads: {s: a}\nsignals: {s: b}\nresult: {}"),
            "signals: 's' is the name of something else already");
  EXPECT_EQ(fault_of("result: {a: {give: 1, whne: = 1}}"), "result.a: 'whne' is not known here; did you mean 'when'?");
  EXPECT_EQ(fault_of("result: {a: {give: 1, when: yes}}"), "result.a.when: 'when' must be a formula: begin it with =");
  EXPECT_EQ(fault_of("facts: {a: = b, b: 1}\nresult: {}"), "facts.a: the name 'b' is not known");
  EXPECT_EQ(fault_of("result:\n  a: = " + std::string(200, '(')), "result.a: nested too deeply");
}

TEST(OfflineAnalysis, AScriptThatNeverEndsIsStopped) {
  std::string script = "reads: {l: l}\nresult:\n  answer: = size(x)\nfacts:\n  x:\n";
  std::string indent = "    ";
  for (int depth = 0; depth < 6; ++depth) {
    script += indent + "each: = l\n" + indent + "as: v" + std::to_string(depth) + "\n" + indent + "give:\n";
    indent += "  ";
  }
  script += indent + "= v0\n";
  json::array list;
  for (int i = 0; i < 100; ++i) list.emplace_back(i);
  try {
    ADD_FAILURE() << answer_to(script, {{"l", list}});
  } catch (const base::Error& error) {
    EXPECT_NE(error.message.find("too many steps"), std::string::npos) << error.message;
  }
}

TEST(OfflineAnalysis, OddTextsDoNoHarm) {
  for (const std::string text : {"", " ", "...", "\u2026!?", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", "{1/0} {{x}} = size(",
                                 "- \n- \n1. \n\n* ", "a'b'c--d", "because", "because because , because",
                                 "\u65E5\u672C\u8A9E\u306E\u6587\u3002", "not", "12 12 12", "2026-13-45"}) {
    for (const auto* formula : {"= text(clauses(t))", "= quote(t)", "= cause(t)", "= text(numbers(t))",
                                "= text(dates(t))", "= text(people(t))", "= text(keywords(t))", "= overlap(t, t)",
                                "= text(about(t, t))", "= after(t, cause)", "= date(t)", "= you(t)"}) {
      EXPECT_NO_THROW(one(formula, text)) << formula << " of " << text;
    }
  }
}

}  // namespace
}  // namespace llm::offline
