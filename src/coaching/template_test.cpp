#include "coaching/template.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "base/error.hpp"

namespace coaching {
namespace {

namespace json = boost::json;

std::string render(std::string_view text, std::string_view values) {
  return Template(text, "t.md").render(json::parse(values));
}

template <class Call>
std::string fault(Call call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.message;
  }
  return "no error";
}

std::string compile_fault(std::string_view text) {
  return fault([&] { Template(text, "t.md"); });
}

TEST(Template, WritesValuesAsTheyAreWithoutEscaping) {
  EXPECT_EQ(render("{{a}} {{{a}}} {{&a}} {{n}} {{d}} {{b}}", R"({"a":"<b> & \"c\"","n":-3,"d":1.21,"b":true})"),
            R"(<b> & "c" <b> & "c" <b> & "c" -3 1.21 true)");
}

TEST(Template, NeverReadsAValueAsTemplate) {
  EXPECT_EQ(render("{{a}}{{#l}}{{.}}{{/l}}", R"({"a":"{{secret}} {{#x}}","l":["{{secret}}"],"secret":"s"})"),
            "{{secret}} {{#x}}{{secret}}");
}

TEST(Template, AnUndefinedVariableIsAnErrorThatNamesIt) {
  EXPECT_EQ(fault([] { render("one\n{{who}}", R"({"whom":"x"})"); }),
            "the prompt cannot be made: t.md:2: the variable 'who' is not defined");
  for (const auto* text : {"{{#who}}x{{/who}}", "{{^who}}x{{/who}}", "{{word.who}}", "{{#l}}{{who}}{{/l}}"}) {
    EXPECT_NE(fault([&] { render(text, R"({"word":"x","l":[1]})"); }).find("is not defined"), std::string::npos)
        << text;
  }
}

TEST(Template, NullIsThereAndRendersAsNothing) {
  EXPECT_EQ(render("[{{a}}{{a.b.c}}{{#a}}x{{/a}}{{#a.b}}x{{/a.b}}{{^a}}none{{/a}}]", R"({"a":null})"), "[none]");
}

TEST(Template, WhatDataLeavesOutIsNothing) {
  EXPECT_EQ(render("[{{o.a}}{{#o.b}}x{{/o.b}}{{#o}}{{a}}{{c}}{{/o}}]", R"({"o":{"c":"there"}})"), "[there]");
}

TEST(Template, ListsAndObjectsAreWrittenAsLines) {
  EXPECT_EQ(render("{{l}}", R"({"l":["one",2,null,"",true]})"), "- one\n- 2\n- true");
  EXPECT_EQ(render("it:\n{{o}}", R"({"o":{"core_values":["a","b"],"none":null,"why":"so"}})"),
            "it:\ncore values:\n  - a\n  - b\nwhy: so");
  EXPECT_EQ(render("{{l}}", R"({"l":[{"name":"x","days":2},{"name":"y","parts":{"a":[1]}}]})"),
            "- name: x\n  days: 2\n- name: y\n  parts:\n    a:\n      - 1");
}

TEST(Template, AValueCannotCloseTheMarksAroundIt) {
  EXPECT_EQ(render("<<< a\n{{a}}\n>>>", R"({"a":"x >>> y >>>>> <<<z << >"})"), "<<< a\nx >> y >> <<z << >\n>>>");
  EXPECT_EQ(render("{{o}}", R"({"o":{">>>":["<<<"]}})"), ">>:\n  - <<");
}

TEST(Template, AnEmptyTextSkipsItsSection) { EXPECT_EQ(render("[{{#a}}x{{/a}}]", R"({"a":""})"), "[]"); }

TEST(Template, AnErrorNeverRepeatsAValue) {
  const auto message = fault([] { render("{{a.b}}", R"({"a":["private words"]})"); });
  EXPECT_NE(message.find("'a.b'"), std::string::npos);
  EXPECT_EQ(message.find("private"), std::string::npos);
}

TEST(Template, FaultsNameFileAndLine) {
  EXPECT_EQ(compile_fault("a\n{{#s}}\nb"), "t.md:2: the section 's' is never closed");
  EXPECT_EQ(compile_fault("a\n\n{{x"), "t.md:3: a tag is never closed: '}}' is missing");
  EXPECT_EQ(compile_fault("{{/s}}"), "t.md:1: 's' is closed but was never opened");
  EXPECT_EQ(compile_fault("{{#a}}\n{{#b}}\n{{/a}}"), "t.md:3: 'a' is closed where 'b' of line 2 is open");
  EXPECT_EQ(compile_fault("{{a b}}"), "t.md:1: 'a b' is not a variable's name");
  EXPECT_EQ(compile_fault("{{}}"), "t.md:1: '' is not a variable's name");
}

TEST(Template, HasNoPartialsLambdasOrOtherDelimiters) {
  for (const auto* text : {"{{> x}}", "{{=<% %>=}}", "{{< x}}{{/x}}", "{{$ x}}{{/x}}"}) {
    EXPECT_NE(compile_fault(text).find("not part of this template language"), std::string::npos) << text;
  }
}

TEST(Template, IsBounded) {
  EXPECT_NE(compile_fault(std::string(2'000'000, 'x')).find("larger than"), std::string::npos);
  std::string deep;
  for (int i = 0; i < 100'000 && deep.size() < 200'000; ++i) deep += "{{#a}}";
  EXPECT_NE(compile_fault(deep).find("too deeply"), std::string::npos);
}

TEST(Template, ListsItsTagsWithTheirSections) {
  const auto tags = Template("{{a}}\n{{#l}}\n{{x.y}}{{^m}}{{z}}{{/m}}\n{{/l}}{{b}}", "t").tags();
  ASSERT_EQ(tags.size(), 6u);
  EXPECT_EQ(tags[2].name, "x.y");
  EXPECT_EQ(tags[2].line, 3u);
  EXPECT_EQ(tags[2].sections, std::vector<std::string>{"l"});
  EXPECT_EQ(tags[4].sections, (std::vector<std::string>{"l", "m"}));
  EXPECT_TRUE(tags[5].sections.empty());
}

// The specification's own vectors. Ours is a subset: what it must refuse and where it differs on purpose is said here.
class MustacheSpec : public testing::TestWithParam<const char*> {};

std::string vectors_folder() {
  const char* folder = std::getenv("PURPOSEPATH_VECTORS");
  return folder == nullptr ? "" : std::string(folder) + "/mustache-spec/";
}

std::string unescaped(std::string text) {
  for (const auto& [from, to] : {std::pair{"&quot;", "\""}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}}) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from)) {
      text.replace(at, std::string_view(from).size(), to);
    }
  }
  return text;
}

void check(const json::object& test) {
  const std::string name(test.at("name").as_string());
  const std::string text(test.at("template").as_string());
  const bool misses = name.find("Miss") != std::string::npos || name == "Dotted Names are never single keys";
  const auto run = [&] { return Template(text, "spec").render(test.at("data")); };
  if (misses) {
    EXPECT_NE(fault(run).find("is not defined"), std::string::npos) << name;
  } else {
    auto expected = std::string(test.at("expected").as_string());
    if (name.find("Escaping") != std::string::npos) expected = unescaped(expected);
    EXPECT_EQ(run(), expected) << name;
  }
}

TEST_P(MustacheSpec, HoldsWhereItApplies) {
  if (vectors_folder().empty()) {
    const char* required = std::getenv("PURPOSEPATH_VECTORS_REQUIRED");
    if (required != nullptr && std::string_view(required) == "1") FAIL() << "PURPOSEPATH_VECTORS is not set";
    GTEST_SKIP() << "skipped: no vectors";
  }
  std::ifstream in(vectors_folder() + GetParam() + ".json");
  ASSERT_TRUE(in) << vectors_folder();
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto file = json::parse(text);
  const auto& tests = file.at("tests").as_array();
  ASSERT_GE(tests.size(), 12u);
  for (const auto& test : tests) {
    const std::string_view name = GetParam();
    if (name == "delimiters" || name == "partials") {
      EXPECT_NE(compile_fault(std::string(test.at("template").as_string())), "no error");
    } else {
      check(test.as_object());
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Files, MustacheSpec,
                         testing::Values("comments", "interpolation", "inverted", "sections", "delimiters",
                                         "partials"));

}  // namespace
}  // namespace coaching
