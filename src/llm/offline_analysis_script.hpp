#pragma once
// The offline.yaml of an analysis: which fields are read, which words are signals, and how the result is made of them.
// docs/offline.md describes the language.
#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llm/offline_formula.hpp"

namespace llm::offline {

// What is wrong with a script, for its author.
struct ScriptFault {
  std::string where;  // "result.strengths[0].when"
  std::string text;  // as it stands in the script, to find its line; "" when there is none
  std::string message;
};

// A part of the result, or a fact: a structure in which texts and formulas stand for values.
struct Shape {
  enum class Kind { constant, formula, text, list, object, each, when, choose };
  Kind kind = Kind::constant;
  json::value constant;
  std::optional<Formula> formula;
  std::optional<Text> text;
  std::vector<std::string> names;  // object: of its members; each: of what it carries
  std::vector<Shape> parts;        // list, object, choose
  // each, when
  std::unique_ptr<Shape> over, condition, order, most, give, otherwise;
  std::vector<Shape> carried, next;
  std::size_t if_fewer_than = 0;  // in a list: added while the list is shorter

  json::value value(Run& run) const;
};

struct AnalysisScript {
  struct Read {
    std::size_t global;
    std::vector<std::string> paths;  // "context.purpose": the first that holds something
  };
  struct Fact {
    std::size_t global;
    Shape shape;
  };
  Scope scope;
  Signals signals;
  std::vector<Read> reads;
  std::vector<std::pair<std::size_t, json::value>> tables;
  std::vector<Fact> facts;
  Shape result;
};

// `script` must outlive the answer. All faults at once; the script is to be used only when there is none.
AnalysisScript read_analysis_script(const json::value& script, std::vector<ScriptFault>& faults);

// Said by {by_rules}.
inline constexpr std::string_view kByRules =
    "This was worked out by rules from the words given, not by a language model: it can quote and weigh what is "
    "written, "
    "but not read between the lines.";

}  // namespace llm::offline
