#pragma once
// Formulas of an analysis' offline.yaml, as in a spreadsheet: "= round(mean(a, b))". docs/offline.md has the language.
#include <boost/json/value.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "llm/offline_reading.hpp"

namespace llm::offline {

namespace json = boost::json;

// What a formula may call and see while it is worked out.
struct Run {
  const Signals& signals;
  Readings readings;
  std::vector<json::value> globals{};  // reads, tables, facts, by the number the script gave them
  std::vector<json::value> locals{};  // of the enclosing `each`s
  std::size_t steps = 0;

  explicit Run(const Signals& all) : signals(all), readings(all) {}
  void step();  // throws Error{llm_error} when a script takes more steps than any sensible one
};

using Arguments = std::span<const json::value* const>;
struct Function {
  std::string_view name;
  std::size_t least, most;  // arguments
  json::value (*call)(Run& run, Arguments arguments);
};
const Function* find_function(std::string_view name);  // nullptr when there is none
std::vector<std::string_view> function_names();

// Why a formula cannot be used; what() is for the author.
struct FormulaFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The names that a formula may use, innermost last.
struct Scope {
  std::vector<std::string> globals;
  std::vector<std::string> locals;
  std::vector<std::string> signals;
};

class Formula {
 public:
  // Throws FormulaFault: syntax, an unknown name or function (with what may have been meant), a wrong number of
  // arguments. Refers to nothing but functions afterwards.
  Formula(std::string_view text, const Scope& scope);
  Formula(Formula&&) = default;
  Formula& operator=(Formula&&) = default;

  json::value value(Run& run) const;

  struct Node {
    enum class Kind {
      literal,
      global,
      local,
      member,
      call,
      list,
      condition,
      either,
      both,
      first_of,
      negation,
      operation
    };
    Kind kind = Kind::literal;
    json::value literal;  // or a member's name
    std::size_t index = 0;  // of a global or local
    const Function* function = nullptr;
    std::string_view sign;  // of an operation
    std::vector<Node> parts;
  };

 private:
  Node root_;
};

// A text with {formulas} in it.
class Text {
 public:
  Text(std::string_view text, const Scope& scope);  // throws FormulaFault
  std::string value(Run& run) const;
  bool plain() const { return formulas_.empty(); }

 private:
  std::vector<std::string> pieces_;  // one more than formulas
  std::vector<Formula> formulas_;
};

// How values behave: null, false, 0, "" and [] count as nothing.
bool is_something(const json::value& value);
double number_of(const json::value& value);  // the first number in a text; the length of a list; NaN for nothing
std::string text_of(const json::value& value);  // lists as "a, b and c", objects as their texts, null as ""
json::value number_value(double number);  // whole numbers as integers; null for what is no number
const json::value* member_of(const json::value& value, std::string_view name);  // nullptr when there is none

}  // namespace llm::offline
