#include "llm/schema_dialect.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "llm/schema_text.hpp"

namespace llm {
namespace {

namespace json = boost::json;
using json::value;

value in(Dialect dialect, const char* schema) { return to_dialect(json::parse(schema), dialect); }
value same(const char* text) { return json::parse(text); }

constexpr const char* kGoals = R"({
  "type":"object","title":"Goals","additionalProperties":false,"required":["goals"],
  "properties":{
    "goals":{"type":"array","minItems":3,"maxItems":7,"description":"Most important first","items":{"$ref":"#/$defs/goal"}},
    "note":{"type":"string","maxLength":400}},
  "$defs":{"goal":{"type":"object","required":["statement"],"properties":{
    "statement":{"type":"string","minLength":1,"maxLength":200},
    "due":{"type":["string","null"],"format":"date"},
    "kind":{"enum":["habit","result"]},
    "weight":{"type":"integer","minimum":1,"maximum":5}}}}})";

TEST(SchemaDialect, SendsOpenAiClosedObjectsWithEveryPropertyRequired) {
  EXPECT_EQ(in(Dialect::openai_strict, kGoals), same(R"({
    "type":"object",
    "properties":{
      "goals":{"type":"array","items":{
          "type":"object",
          "properties":{
            "statement":{"type":"string","description":"not empty; at most 200 characters"},
            "due":{"type":["string","null"],"format":"date"},
            "kind":{"type":["string","null"],"enum":["habit","result",null]},
            "weight":{"type":["integer","null"],"minimum":1,"maximum":5}},
          "required":["statement","due","kind","weight"],"additionalProperties":false},
        "minItems":3,"maxItems":7,"description":"Most important first"},
      "note":{"type":["string","null"],"description":"at most 400 characters"}},
    "required":["goals","note"],"additionalProperties":false})"));
}

TEST(SchemaDialect, TellsAnthropicAndBedrockInWordsWhatTheyRefuse) {
  const auto expected = same(R"json({
    "type":"object",
    "properties":{
      "goals":{"type":"array","items":{
          "type":"object",
          "properties":{
            "statement":{"type":"string","description":"not empty; at most 200 characters"},
            "due":{"type":["string","null"],"format":"date"},
            "kind":{"type":"string","enum":["habit","result"]},
            "weight":{"type":"integer","description":"1 to 5"}},
          "required":["statement"],"additionalProperties":false},
        "minItems":1,"description":"Most important first (3 to 7 entries)"},
      "note":{"type":"string","description":"at most 400 characters"}
}
, "required" : ["goals"], "additionalProperties" : false
})json");
  EXPECT_EQ(in(Dialect::anthropic, kGoals), expected);
  EXPECT_EQ(in(Dialect::bedrock, kGoals), expected);
}

TEST(SchemaDialect, TellsGeminiTheOrderOfTheMembers) {
  EXPECT_EQ(in(Dialect::gemini, kGoals), same(R"({
    "type":"object",
    "properties":{
      "goals":{"type":"array","items":{
          "type":"object",
          "properties":{
            "statement":{"type":"string","description":"not empty; at most 200 characters"},
            "due":{"type":["string","null"],"format":"date"},
            "kind":{"type":"string","enum":["habit","result"]},
            "weight":{"type":"integer","minimum":1,"maximum":5}},
          "required":["statement"],"propertyOrdering":["statement","due","kind","weight"]},
        "minItems":3,"maxItems":7,"description":"Most important first"},
      "note":{"type":"string","description":"at most 400 characters"}},
    "required":["goals"],"additionalProperties":false,"propertyOrdering":["goals","note"]})"));
}

TEST(SchemaDialect, PutsBoundsIntoWords) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"array","items":{"type":"null"},"minItems":2})", "at least 2 entries"},
      {R"({"type":"array","items":{"type":"null"},"maxItems":1})", "at most 1 entry"},
      {R"({"type":"array","items":{"type":"null"},"minItems":3,"maxItems":3})", "exactly 3 entries"},
      {R"({"type":"array","items":{"type":"null"},"minItems":0,"maxItems":4})", "at most 4 entries"},
      {R"({"type":"array","items":{"type":"null"},"uniqueItems":true})", "no entry twice"},
      {R"({"type":"string","minLength":20,"maxLength":30})", "20 to 30 characters"},
      {R"({"type":"string","format":"iban"})", "format: iban"},
      {R"({"type":"string","pattern":"^[A-Z]+$"})", "matches the regular expression ^[A-Z]+$"},
      {R"({"type":"number","minimum":0.5})", "at least 0.5"},
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})", "more than 0; less than 1"},
      {R"({"type":"integer","multipleOf":5})", "a multiple of 5"},
  };
  for (const auto& [schema, words] : cases) {
    EXPECT_EQ(in(Dialect::anthropic, schema).at("description"), words) << schema;
  }
  const auto one = in(Dialect::anthropic, R"({"type":"array","items":{"type":"string"},"minItems":1})");
  EXPECT_EQ(one, same(R"({"type":"array","items":{"type":"string"},"minItems":1})")) << "it is taken as it is";
}

TEST(SchemaDialect, KeepsWhatAVendorTakes) {
  EXPECT_EQ(in(Dialect::openai_strict, R"({"type":"string","pattern":"^[A-Z]+$"})").at("pattern"), "^[A-Z]+$");
  EXPECT_EQ(in(Dialect::openai_strict, R"({"type":"string","pattern":"^(?!x)."})").at("description"),
            "matches the regular expression ^(?!x).");
  EXPECT_EQ(in(Dialect::openai_strict, R"({"const":"a"})"), same(R"({"type":"string","const":"a"})"));
  EXPECT_EQ(in(Dialect::gemini, R"({"const":"a"})"), same(R"({"type":"string","enum":["a"]})"));
  EXPECT_EQ(in(Dialect::gemini, R"({"const":true})"), same(R"({"type":"boolean","description":"always true"})"));
}

TEST(SchemaDialect, SplitsWhatATypeListCannotHold) {
  constexpr const char* kEither =
      R"({"type":["object","null"],"description":"Who","properties":{"a":{"type":"string"}}})";
  EXPECT_EQ(in(Dialect::anthropic, kEither), same(R"({"anyOf":[
      {"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false},{"type":"null"}],
      "description":"Who"})"));
  EXPECT_EQ(in(Dialect::gemini, R"({"type":["string","null"],"enum":["x","y",null]})"),
            same(R"({"anyOf":[{"type":"string","enum":["x","y"]},{"type":"null"}]})"));
  EXPECT_EQ(in(Dialect::anthropic, R"({"type":["string","null"],"enum":["x",null]})"),
            same(R"({"type":["string","null"],"enum":["x",null]})"));
}

TEST(SchemaDialect, MakesOptionalUnionsNullableForOpenAi) {
  const auto schema = in(Dialect::openai_strict, R"({"type":"object","properties":{
      "a":{"oneOf":[{"type":"string"},{"type":"integer"}]},
      "b":{"description":"Who","type":"object","properties":{}},
      "c":{"const":3},
      "d":{"type":["string","null"]},
      "e":{"type":"array","items":{"type":"string"}}}})");
  const auto& properties = schema.at("properties");
  EXPECT_EQ(properties.at("a"), same(R"({"anyOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]})"));
  EXPECT_EQ(properties.at("b"), same(R"({"description":"Who","anyOf":[
      {"type":"object","properties":{},"required":[],"additionalProperties":false},{"type":"null"}]})"));
  EXPECT_EQ(properties.at("c"), same(R"({"anyOf":[{"type":"integer","const":3},{"type":"null"}]})"));
  EXPECT_EQ(properties.at("d"), same(R"({"type":["string","null"]})"));
  EXPECT_EQ(properties.at("e"), same(R"({"anyOf":[{"type":"array","items":{"type":"string"}},{"type":"null"}]})"));
}

TEST(SchemaDialect, RefusesReferencesInCircles) {
  const auto schema =
      json::parse(R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"array","items":{"$ref":"#/$defs/a"}}}})");
  try {
    to_dialect(schema, Dialect::anthropic);
    ADD_FAILURE();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code, base::Code::internal_error);
  }
}

// What each vendor's page lists as supported; anything else makes it refuse the request.
void expect_only(const value& schema, const std::set<std::string_view>& known, Dialect dialect) {
  for (const auto& [name, inside] : schema.as_object()) {
    EXPECT_TRUE(known.contains(std::string_view(name))) << name;
    if (name == "properties") {
      for (const auto& property : inside.as_object()) expect_only(property.value(), known, dialect);
    } else if (name == "anyOf") {
      for (const auto& variant : inside.as_array()) expect_only(variant, known, dialect);
    } else if (name == "items") {
      expect_only(inside, known, dialect);
    }
  }
  const auto* properties = schema.as_object().if_contains("properties");
  if (properties == nullptr || dialect == Dialect::gemini) return;
  EXPECT_EQ(schema.at("additionalProperties"), false);
  if (dialect == Dialect::openai_strict) {
    EXPECT_EQ(schema.at("required").as_array().size(), properties->as_object().size());
  }
}

TEST(SchemaDialect, SendsNoVendorAKeywordThatItRefuses) {
  std::set<std::string_view> common{"type",  "enum",        "anyOf",  "properties", "required", "additionalProperties",
                                    "items", "description", "format", "minItems"};
  auto openai = common;
  openai.insert(
      {"const", "pattern", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"});
  auto anthropic = common;
  anthropic.insert("const");
  auto gemini = common;
  gemini.insert({"maxItems", "minimum", "maximum", "propertyOrdering"});
  std::vector<value> schemas{json::parse(kGoals), json::parse(R"({"title":"x","$schema":"s","default":1,"examples":[2],
      "properties":{"type":{"const":null},"z":{"enum":[true,null,{"a":1}]},"any":{},"yes":true,
      "n":{"minimum":1,"exclusiveMaximum":4,"multipleOf":2,"format":"int32"},
      "s":{"minLength":2,"pattern":"(?=x).","format":"uri"},"l":{"type":["array","string","null"],"maxItems":2}
}
})")};
  for (const auto& entry : std::filesystem::recursive_directory_iterator("topics")) {
    const auto name = entry.path().filename().string();
    if (name != "result.schema.json" && name != "assessment.schema.json") continue;
    std::ifstream file(entry.path());
    schemas.push_back(json::parse(std::string(std::istreambuf_iterator<char>(file), {})));
  }
  EXPECT_GE(schemas.size(), 4U) << "the topics' schemas are to be among them";
  for (const auto& schema : schemas) {
    SCOPED_TRACE(json::serialize(schema));
    expect_only(to_dialect(schema, Dialect::openai_strict), openai, Dialect::openai_strict);
    expect_only(to_dialect(schema, Dialect::anthropic), anthropic, Dialect::anthropic);
    expect_only(to_dialect(schema, Dialect::bedrock), anthropic, Dialect::bedrock);
    expect_only(to_dialect(schema, Dialect::gemini), gemini, Dialect::gemini);
  }
}

TEST(SchemaDialect, KnowsWhatIsTooComplexForAVendor) {
  const auto within = [](const char* type, std::size_t count, bool required) {
    json::object properties;
    json::array names;
    for (std::size_t i = 0; i < count; ++i) {
      const auto name = std::to_string(i);
      properties[name] = json::parse(type);
      if (required) names.emplace_back(name);
    }
    const value one{{"type", "object"}, {"properties", properties}, {"required", names}};
    const value schema{{"type", "array"}, {"items", one}};
    return is_within_limits(to_dialect(schema, Dialect::anthropic), Dialect::anthropic);
  };
  constexpr const char* kText = R"({"type":"string"})";
  constexpr const char* kNullable = R"({"type":["string","null"]})";
  EXPECT_TRUE(within(kText, 24, false));
  EXPECT_FALSE(within(kText, 25, false));
  EXPECT_TRUE(within(kText, 200, true));
  EXPECT_TRUE(within(kNullable, 16, true));
  EXPECT_FALSE(within(kNullable, 17, true));
  const auto wide = json::parse(kGoals);
  EXPECT_TRUE(is_within_limits(to_dialect(wide, Dialect::gemini), Dialect::gemini));
}

TEST(SchemaDialect, TakesOutTheNullsThatItAskedFor) {
  const auto schema = json::parse(kGoals);
  auto answer = json::parse(
      R"({"goals":[{"statement":"s","due":null,"kind":null,"weight":null},{"statement":"t","kind":"habit"}],"note":null})");
  remove_added_nulls(answer, schema);
  EXPECT_EQ(answer, same(R"({"goals":[{"statement":"s","due":null},{"statement":"t","kind":"habit"}]})"));

  const auto either = json::parse(R"({"anyOf":[{"type":"null"},{"type":"object","required":["a"],"properties":{
      "a":{"type":"string"},"b":{"type":"string"}}}]})");
  auto in_a_union = json::parse(R"({"a":null,"b":null})");
  remove_added_nulls(in_a_union, either);
  EXPECT_EQ(in_a_union, same(R"({"a":null})")) << "what is required stays, for the check to find";
}

TEST(SchemaText, IsTheSchemasOwnHoweverManyAreRemembered) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100; ++i) {
      const value schema{{"type", "string"}, {"maxLength", i}};
      for (const auto dialect : {Dialect::openai_strict, Dialect::anthropic, Dialect::bedrock, Dialect::gemini}) {
        EXPECT_EQ(json::parse(schema_text(schema, dialect).text), to_dialect(schema, dialect));
      }
    }
  }
  EXPECT_NE(schema_text(json::parse(kGoals), Dialect::gemini).text,
            schema_text(json::parse(kGoals), Dialect::anthropic).text);
}

TEST(SchemaDialect, AsksInWordsWithTheWholeSchema) {
  const auto words = ask_for_json(json::parse(kGoals));
  EXPECT_NE(words.find(R"("maxLength":200)"), words.npos);
  EXPECT_NE(words.find("JSON"), words.npos);
}

}  // namespace
}  // namespace llm
