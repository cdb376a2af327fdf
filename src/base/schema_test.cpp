#include "base/schema.hpp"

#include <gtest/gtest.h>

#include "base/ids.hpp"

namespace base {
namespace {

using json::array;
using json::object;
using json::value;

value json(std::string_view text) { return json::parse(text); }

// "field: message" of each fault.
std::vector<std::string> faults(std::string_view schema, const value& v) {
  std::vector<std::string> lines;
  for (const auto& fault : Schema(json(schema)).faults(v)) lines.push_back(fault.field + ": " + fault.message);
  return lines;
}

std::string fault(std::string_view schema, const value& v) {
  const auto lines = faults(schema, v);
  EXPECT_LE(lines.size(), 1u);
  return lines.empty() ? "" : lines.front();
}

TEST(Schema, SaysOfWhichTypeAValueMustBe) {
  EXPECT_EQ(fault(R"({"type":"string"})", 7), "body: must be a string; it is a number");
  EXPECT_EQ(fault(R"({"type":"string"})", nullptr), "body: must be a string; it is null");
  EXPECT_EQ(fault(R"({"type":"boolean"})", "true"), "body: must be true or false; it is a string");
  EXPECT_EQ(fault(R"({"type":"object"})", array{}), "body: must be an object; it is a list");
  EXPECT_EQ(fault(R"({"type":"array"})", object{}), "body: must be a list; it is an object");
  EXPECT_EQ(fault(R"({"type":"number"})", true), "body: must be a number; it is true");
  EXPECT_EQ(fault(R"({"type":"integer"})", 1.5), "body: must be a whole number, without a fraction");
  EXPECT_EQ(fault(R"({"type":"integer"})", json("18446744073709551615")),
            "body: is too large; numbers may have at most 18 digits");
  EXPECT_EQ(fault(R"({"type":["string","null"]})", false), "body: must be a string or null; it is false");
  EXPECT_EQ(fault(R"({"type":["string","null"]})", nullptr), "");
  EXPECT_EQ(fault(R"({"type":"number"})", 1), "");
}

TEST(Schema, CountsCharactersAndNotBytes) {
  const std::string_view schema = R"({"type":"string","minLength":2,"maxLength":4})";
  EXPECT_EQ(fault(schema, "日本語だ"), "");
  EXPECT_EQ(fault(schema, "🙂🙂🙂🙂"), "");
  EXPECT_EQ(fault(schema, "🙂🙂🙂🙂🙂"), "body: must be at most 4 characters; it has 5");
  EXPECT_EQ(fault(schema, "é"), "body: must be at least 2 characters; it has 1");
  EXPECT_EQ(fault(schema, ""), "body: must not be empty");
}

TEST(Schema, BoundsNumbersListsAndObjects) {
  EXPECT_EQ(fault(R"({"minimum":1,"maximum":5})", 0), "body: must be at least 1");
  EXPECT_EQ(fault(R"({"minimum":1,"maximum":5})", 5.5), "body: must be at most 5");
  EXPECT_EQ(fault(R"({"exclusiveMinimum":0})", 0), "body: must be more than 0");
  EXPECT_EQ(fault(R"({"exclusiveMaximum":1})", 1), "body: must be less than 1");
  EXPECT_EQ(fault(R"({"minimum":1})", ~std::uint64_t{0}), "body: is too large; numbers may have at most 18 digits");
  EXPECT_EQ(fault(R"({"minItems":2})", array(1, 7)), "body: must have at least 2 entries; it has 1");
  EXPECT_EQ(fault(R"({"maxItems":1})", array(3, 7)), "body: must have at most 1 entries; it has 3");
  EXPECT_EQ(fault(R"({"maxProperties":1})", object{{"a", 1}, {"b", 2}}), "body: must have at most 1 fields; it has 2");
  EXPECT_EQ(fault(R"({"minProperties":1})", object{}), "body: must have at least 1 fields; it has 0");
}

TEST(Schema, ListsWhatCanBeChosen) {
  EXPECT_EQ(fault(R"({"enum":["user","coach"]})", "caoch"), "body: must be one of user, coach; did you mean coach?");
  EXPECT_EQ(fault(R"({"enum":["user",null]})", 7), "body: must be one of user, null");
  EXPECT_EQ(fault(R"({"const":"yes"})", "no"), "body: must be \"yes\"");
}

TEST(Schema, MatchesPatternsByEcma262) {
  const std::string_view id = R"({"type":"string","maxLength":10,"pattern":"^conv_[0-9A-Z]{3}$"})";
  EXPECT_EQ(fault(id, "conv_0AZ"), "");
  EXPECT_EQ(fault(id, "conv_0az"), "body: must match the pattern ^conv_[0-9A-Z]{3}$");
  EXPECT_NE(fault(id, "conv_0AZ\n"), "");
  EXPECT_NE(fault(id, "\nconv_0AZ"), "");
  EXPECT_NE(fault(id, "a\nconv_0AZ"), "");
  EXPECT_NE(fault(id, value(json::string("conv_0AZ\0", 9))), "");
  EXPECT_EQ(fault(R"({"pattern":"b+"})", "abba"), "");
  EXPECT_EQ(fault(R"({"pattern":"^[!-~]+$","x-pattern-means":"printable ASCII without spaces"})", "a b"),
            "body: must be printable ASCII without spaces");
}

TEST(Schema, SurvivesPatternsOverVeryLongText) {
  const std::string text(2'000'000, 'a');
  EXPECT_EQ(fault(R"({"pattern":"^(a|b)*$"})", value(text)).substr(0, 4),
            fault(R"({"pattern":"^z$"})", "a").substr(0, 4));
  EXPECT_NE(fault(R"({"pattern":"^(a+)+$"})", value(text + "!")), "");
}

constexpr std::string_view kPerson = R"({
  "type": "object", "additionalProperties": false, "required": ["name", "topic"],
  "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 5},
    "topic": {"type": "string"},
    "context": {"type": "object", "additionalProperties": {"type": "integer"},
                "properties": {"values": {"type": "array", "items": {"type": "string", "maxLength": 3}}}}
  }})";

TEST(Schema, NamesEveryFaultAndWhereItIs) {
  EXPECT_EQ(
      faults(kPerson,
             json(R"({"name":"toolong","topik":"x","context":{"values":["ok","long",7],"age":"old"},"zzz":1})")),
      (std::vector<std::string>{
          "topic: is missing; it must be a string", "name: must be at most 5 characters; it has 7",
          "context.values[1]: must be at most 3 characters; it has 4",
          "context.values[2]: must be a string; it is a number", "context.age: must be a whole number; it is a string",
          "topik: is not a known field; did you mean topic?",
          "zzz: is not a known field; allowed are name, topic, context"}));
}

TEST(Schema, NeverRepeatsAValue) {
  const auto found =
      faults(kPerson, json(R"({"name":"private words","topic":"x","context":{"values":"private","n":"private"}})"));
  EXPECT_EQ(found.size(), 3u);
  for (const auto& line : found) EXPECT_EQ(line.find("private"), std::string::npos) << line;
}

TEST(Schema, ListsABoundedNumberOfFaults) {
  object many;
  for (int i = 0; i < 10'000; ++i) many.emplace("unknown" + std::to_string(i), i);
  EXPECT_EQ(faults(kPerson, many).size(), kMaxFaults);
  const auto lines = faults(kPerson, object{{"name", "a"}, {"topic", "b"}, {std::string(5000, 'x'), 1}});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_LT(lines.front().size(), 250u);
}

TEST(Schema, ExplainsTheNearestOfSeveralForms) {
  const std::string_view schema =
      R"({"anyOf":[{"type":"object","required":["a","b"]},{"type":"string","maxLength":2},{"type":"null"}]})";
  EXPECT_EQ(fault(schema, nullptr), "");
  EXPECT_EQ(fault(schema, "ab"), "");
  EXPECT_EQ(fault(schema, object{{"a", 1}}), "b: is missing");
  EXPECT_NE(fault(R"({"oneOf":[{"type":"string"},{"maxLength":9}]})", "a").find("more than one"), std::string::npos);
  EXPECT_NE(fault(R"({"not":{"type":"string"}})", "a"), "");
  EXPECT_EQ(fault(R"({"allOf":[{"type":"string"},{"maxLength":1}]})", "ab"),
            "body: must be at most 1 characters; it has 2");
}

TEST(Schema, RefusesKeywordsItWouldOtherwiseIgnore) {
  for (const auto* schema :
       {R"({"patternProperties":{}})", R"({"uniqueItems":true})", R"({"typo":1})", R"({"$ref":"#/x"})",
        R"({"properties":{"a":{"dependentRequired":{}}}})", R"({"pattern":"("})", R"({"oneOf":[{"pattern":"a"}]})",
        R"({"not":{"items":{"pattern":"a"}}})"}) {
    EXPECT_THROW(Schema{json(schema)}, Error) << schema;
  }
  EXPECT_NO_THROW(Schema{json(
      R"({"title":"t","description":"d","examples":[1],"x-trim":true,"format":"date","default":1,"$defs":{"a":{}}})")});
}

TEST(References, AreReplacedByWhatTheyReferTo) {
  const auto document = json(R"({"s":{"id":{"type":"string","description":"an id"},"list":{"items":{"$ref":"#/s/id"}},
                                      "loop":{"items":{"$ref":"#/s/loop"}}}})");
  EXPECT_EQ(resolve_references(json(R"({"a":{"$ref":"#/s/list"}})"), document),
            json(R"({"a":{"items":{"type":"string","description":"an id"}}})"));
  EXPECT_EQ(resolve_references(json(R"({"$ref":"#/s/id","description":"mine"})"), document),
            json(R"({"type":"string","description":"mine"})"));
  EXPECT_THROW(resolve_references(json(R"({"$ref":"#/s/loop"})"), document), Error);
  EXPECT_THROW(resolve_references(json(R"({"$ref":"#/nowhere"})"), document), Error);
  EXPECT_THROW(resolve_references(json(R"({"$ref":"other.json#/s"})"), document), Error);
}

TEST(Nul, IsFoundInStringsAndNames) {
  std::vector<Fault> found;
  find_nul(json(R"({"a":"x\u0000y","b":[1,"ok",{"c":"\u0000"}],"d\u0000":1,"e":"fine"})"), "", found);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].field, "a");
  EXPECT_EQ(found[1].field, "b[2].c");
  EXPECT_EQ(found[2].field, "body");
}

// Random schemas and values: what valijson refuses is explained, what it accepts is not; and no message holds a value.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t upto(std::uint64_t n) { return random_.next() % n; }

  value any(int depth) {
    switch (upto(depth > 0 ? 8 : 6)) {
      case 0: return nullptr;
      case 1: return upto(2) == 0;
      case 2: return static_cast<std::int64_t>(upto(9)) - 4;
      case 3: return upto(9) == 0 ? value(~std::uint64_t{0} - upto(2)) : value(static_cast<double>(upto(9)) / 2 - 2);
      case 4: return value(std::string(upto(5), 'Q'));
      case 5: return "é🙂";
      case 6: {
        array list;
        for (auto n = upto(4); n > 0; --n) list.push_back(any(depth - 1));
        return list;
      }
      default: {
        object members;
        for (auto n = upto(4); n > 0; --n) members.insert_or_assign(name(), any(depth - 1));
        return members;
      }
    }
  }

  value schema(int depth) {
    static constexpr std::array kTypes{"string", "integer", "number", "boolean", "array", "object", "null"};
    object rules;
    if (upto(3) != 0) rules.emplace("type", kTypes[upto(kTypes.size())]);
    if (upto(12) == 0) rules["type"] = array{kTypes[upto(kTypes.size())], kTypes[upto(kTypes.size())]};
    for (const auto* keyword : {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
                                "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
      if (upto(6) == 0) rules.emplace(keyword, static_cast<std::int64_t>(upto(4)));
    }
    if (upto(10) == 0) rules.emplace("enum", array{any(1), any(1), "QQ"});
    if (upto(12) == 0) rules.emplace("const", any(1));
    if (upto(8) == 0) rules.emplace("pattern", upto(2) == 0 ? "^Q+$" : "é");
    if (depth == 0) return rules;
    if (upto(3) == 0) rules.emplace("items", schema(depth - 1));
    if (upto(4) == 0) rules.emplace("required", array{name()});
    if (upto(2) == 0) rules.emplace("properties", object{{name(), schema(depth - 1)}, {"d", schema(depth - 1)}});
    if (upto(4) == 0) rules.emplace("additionalProperties", upto(2) == 0 ? value(false) : schema(depth - 1));
    for (const auto* keyword : {"anyOf", "oneOf", "allOf"}) {
      if (upto(10) == 0) rules.emplace(keyword, array{schema(depth - 1), schema(depth - 1)});
    }
    if (upto(12) == 0) rules.emplace("not", schema(depth - 1));
    return rules;
  }

 private:
  std::string name() { return std::string(1, static_cast<char>('a' + upto(4))); }
  base::FakeRandom random_;
};

TEST(Schema, ExplainsExactlyWhatItRefuses) {
  Dice dice(2026);
  int refused = 0, accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    const auto rules = dice.schema(2);
    std::optional<Schema> made;
    try {
      made.emplace(rules);
    } catch (const Error&) {
      continue;  // a pattern inside oneOf or not
    }
    const auto& schema = *made;
    for (int i = 0; i < 4; ++i) {
      const auto v = dice.any(3);
      const auto found = schema.faults(v);
      const auto shown = json::serialize(rules) + " " + json::serialize(v);
      ASSERT_EQ(schema.accepts(v), found.empty()) << shown;
      for (const auto& one : found) {
        ASSERT_EQ(one.message.find("the contract asks for"), std::string::npos) << "unexplained: " << shown;
        ASSERT_FALSE(one.field.empty() || one.message.empty());
      }
      ++(found.empty() ? accepted : refused);
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace base
