#include "base/yaml.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/error.hpp"

namespace base {
namespace {

std::string as_json(std::string_view yaml) { return serialize(yaml_to_json(yaml, "a.yaml")); }

std::string fault(std::string_view yaml) {
  try {
    yaml_to_json(yaml, "a.yaml");
  } catch (const Error& error) {
    return error.message;
  }
  return "no error";
}

TEST(Yaml, PlainScalarsHaveTypesAndQuotedOnesAreText) {
  EXPECT_EQ(as_json("{a: 1, b: 1.5, c: true, d: ~, e: no, f: '1', g: \"true\", h: 2026-06-30, i: inf, j: -3}"),
            R"({"a":1,"b":1.5E0,"c":true,"d":null,"e":"no","f":"1","g":"true","h":"2026-06-30","i":"inf","j":-3})");
}

TEST(Yaml, BlocksListsAndAnchorsBecomeJson) {
  EXPECT_EQ(as_json("text: |\n  one\n  two\nlist:\n  - &x a\n  - *x\n"), R"({"text":"one\ntwo\n","list":["a","a"]})");
}

TEST(Yaml, AFaultNamesFileAndLine) {
  EXPECT_TRUE(fault("a: 1\nb: [1\n").starts_with("a.yaml:"));
  EXPECT_EQ(fault("a: 1\nb: 2\na: 3\n"), "a.yaml:3: the key 'a' appears twice");
  EXPECT_EQ(fault("a: 1\n? [1, 2]\n: 2\n"), "a.yaml:2: a key must be a plain word");
}

TEST(Yaml, KnowsTheLineOfEachKey) {
  YamlLines lines;
  yaml_to_json("models:\n  a.b:\n    price: {input: 1}\n\n  c: 2\nlist: [{x: 1}]\n", "a.yaml", lines);
  EXPECT_EQ(lines.at("models"), 1);
  EXPECT_EQ(lines.at("models/a.b/price"), 3);
  EXPECT_EQ(lines.at("models/a.b/price/input"), 3);
  EXPECT_EQ(lines.at("models/c"), 5);
}

TEST(Yaml, AnchorsCannotMultiplyWithoutEnd) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 8; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) bomb += before + ",";
    bomb += before + "]\n";
  }
  EXPECT_NE(fault(bomb).find("more than"), std::string::npos);
}

TEST(Yaml, DeepNestingIsRefused) { EXPECT_NE(fault(std::string(100, '[') + std::string(100, ']')), "no error"); }

}  // namespace
}  // namespace base
