#include "llm/offline_formula.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"

namespace llm::offline {
namespace {

constexpr std::size_t kMaxSteps = 200'000;
constexpr int kMaxDepth = 40;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

using Node = Formula::Node;
using Kind = Node::Kind;

class Parser {
 public:
  Parser(std::string_view text, const Scope& scope) : text_(text), scope_(scope) {}

  Node run() {
    auto node = first_of();
    skip();
    if (at_ < text_.size()) fail(fmt::format("'{}' is too much", text_.substr(at_, 20)));
    return node;
  }

 private:
  [[noreturn]] static void fail(const std::string& what) { throw FormulaFault(what); }

  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view sign) {
    skip();
    if (!text_.substr(at_).starts_with(sign)) return false;
    const auto end = at_ + sign.size();
    if (is_letter(sign[0]) && end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) return false;
    at_ = end;
    return true;
  }
  void expect(std::string_view sign, std::string_view after) {
    if (!take(sign)) fail(fmt::format("'{}' is missing after {}", sign, after));
  }

  static Node pair(Kind kind, std::string_view sign, Node left, Node right) {
    Node node;
    node.kind = kind;
    node.sign = sign;
    node.parts.push_back(std::move(left));
    node.parts.push_back(std::move(right));
    return node;
  }

  Node first_of() {
    if (++depth_ > kMaxDepth) fail("nested too deeply");
    auto node = either();
    while (take("??")) node = pair(Kind::first_of, "??", std::move(node), either());
    --depth_;
    return node;
  }
  Node either() {
    auto node = both();
    while (take("or")) node = pair(Kind::either, "or", std::move(node), both());
    return node;
  }
  Node both() {
    auto node = negation();
    while (take("and")) node = pair(Kind::both, "and", std::move(node), negation());
    return node;
  }
  Node negation() {
    if (!take("not")) return comparison();
    if (++depth_ > kMaxDepth) fail("nested too deeply");
    Node node;
    node.kind = Kind::negation;
    node.parts.push_back(negation());
    --depth_;
    return node;
  }
  Node comparison() {
    auto node = sum();
    for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">", "in"}) {
      if (take(sign)) return pair(Kind::operation, sign, std::move(node), sum());
    }
    return node;
  }
  Node sum() {
    auto node = product();
    for (;;) {
      if (take("+")) {
        node = pair(Kind::operation, "+", std::move(node), product());
      } else if (take("-")) {
        node = pair(Kind::operation, "-", std::move(node), product());
      } else {
        return node;
      }
    }
  }
  Node product() {
    auto node = member();
    for (;;) {
      if (take("*")) {
        node = pair(Kind::operation, "*", std::move(node), member());
      } else if (take("/")) {
        node = pair(Kind::operation, "/", std::move(node), member());
      } else {
        return node;
      }
    }
  }
  Node member() {
    auto node = primary();
    while (at_ + 1 < text_.size() && text_[at_] == '.' && is_letter(text_[at_ + 1])) {
      ++at_;
      Node inner;
      inner.kind = Kind::member;
      inner.literal = json::value(word());
      inner.parts.push_back(std::move(node));
      node = std::move(inner);
    }
    return node;
  }

  std::string_view word() {
    const auto begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Node primary() {
    skip();
    if (at_ >= text_.size()) fail("the formula ends too early");
    const char c = text_[at_];
    if (c == '"' || c == '\'') return quoted_text(c);
    if (is_digit(c) || c == '-') return number();
    if (take("(")) {
      auto node = first_of();
      expect(")", "what stands in brackets");
      return node;
    }
    if (take("[")) {
      Node node;
      node.kind = Kind::list;
      node.parts = arguments("]");
      return node;
    }
    if (!is_letter(c)) fail(fmt::format("'{}' is not understood", text_.substr(at_, 12)));
    const auto name = word();
    return take("(") ? call(name) : named(name);
  }

  Node quoted_text(char mark) {
    const auto end = text_.find(mark, at_ + 1);
    if (end == std::string_view::npos)
      fail(fmt::format("the text that begins with {} is not closed", text_.substr(at_, 12)));
    Node node;
    node.literal = json::value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return node;
  }

  Node number() {
    double value = 0;
    const auto rest = text_.substr(at_);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc()) fail(fmt::format("'{}' is not a number", rest.substr(0, 12)));
    at_ += static_cast<std::size_t>(end - rest.data());
    Node node;
    node.literal = number_value(value);
    return node;
  }

  std::vector<Node> arguments(std::string_view close) {
    std::vector<Node> list;
    if (take(close)) return list;
    do list.push_back(first_of());
    while (take(","));
    expect(close, "the arguments");
    return list;
  }

  Node call(std::string_view name) {
    Node node;
    node.parts = arguments(")");
    const auto count = node.parts.size();
    std::size_t least = 3, most = 3;
    if (name == "if") {
      node.kind = Kind::condition;
    } else {
      node.kind = Kind::call;
      node.function = find_function(name);
      if (node.function == nullptr) unknown(fmt::format("the function '{}'", name), name, function_names());
      least = node.function->least;
      most = node.function->most;
    }
    if (count >= least && count <= most) return node;
    const auto wanted = least == most ? fmt::format("{}", least)
                        : most > 99   ? fmt::format("{} or more", least)
                                      : fmt::format("{} to {}", least, most);
    fail(fmt::format("{}() takes {} arguments and got {}", name, wanted, count));
  }

  template <class Names>
  [[noreturn]] static void unknown(const std::string& what, std::string_view name, const Names& names) {
    const auto near = base::nearest(name, names);
    fail(fmt::format("{} is not known{}", what, near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
  }

  Node named(std::string_view name) {
    Node node;
    if (name == "true" || name == "false") {
      node.literal = name == "true";
      return node;
    }
    if (name == "null") return node;
    for (auto i = scope_.locals.size(); i-- > 0;) {
      if (scope_.locals[i] != name) continue;
      node.kind = Kind::local;
      node.index = i;
      return node;
    }
    for (std::size_t i = 0; i < scope_.globals.size(); ++i) {
      if (scope_.globals[i] != name) continue;
      node.kind = Kind::global;
      node.index = i;
      return node;
    }
    if (std::find(scope_.signals.begin(), scope_.signals.end(), name) != scope_.signals.end()) {
      node.literal = json::value(name);
      return node;
    }
    auto known = scope_.globals;
    known.insert(known.end(), scope_.locals.begin(), scope_.locals.end());
    known.insert(known.end(), scope_.signals.begin(), scope_.signals.end());
    unknown(fmt::format("the name '{}'", name), name, known);
  }

  std::string_view text_;
  const Scope& scope_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

// A value that is somebody else's, or one made just now.
struct Held {
  const json::value* at = nullptr;
  json::value own;

  const json::value& get() const { return at != nullptr ? *at : own; }
  json::value take() { return at != nullptr ? *at : std::move(own); }
};

Held held(json::value value) { return {nullptr, std::move(value)}; }

// Looks in, or through: of a list the members of its elements.
Held member(Held from, std::string_view name) {
  const auto& value = from.get();
  if (const auto* list = value.if_array()) {
    json::array column;
    for (const auto& element : *list) {
      if (const auto* found = member_of(element, name)) column.push_back(*found);
    }
    return held(std::move(column));
  }
  const auto* found = member_of(value, name);
  if (found == nullptr) return held(nullptr);
  return from.at != nullptr ? Held{found, nullptr} : held(*found);
}

bool is_equal(const json::value& left, const json::value& right) {
  if (left.is_number() && right.is_number()) return std::abs(number_of(left) - number_of(right)) < 1e-9;
  if (left.is_string() && right.is_string()) {
    return base::to_lower(left.get_string()) == base::to_lower(right.get_string());
  }
  return left == right;
}

bool is_in(const json::value& left, const json::value& right) {
  if (const auto* list = right.if_array()) {
    return std::any_of(list->begin(), list->end(), [&](const json::value& element) { return is_equal(left, element); });
  }
  return base::to_lower(text_of(right)).find(base::to_lower(text_of(left))) != std::string::npos;
}

json::value add(const json::value& left, const json::value& right) {
  if (left.is_array() || right.is_array()) {
    json::array list;
    for (const auto* side : {&left, &right}) {
      if (const auto* more = side->if_array()) {
        list.insert(list.end(), more->begin(), more->end());
      } else if (!side->is_null()) {
        list.push_back(*side);
      }
    }
    return list;
  }
  if (left.is_string() || right.is_string()) return json::value(text_of(left) + text_of(right));
  return number_value(number_of(left) + number_of(right));
}

json::value operate(std::string_view sign, const json::value& left, const json::value& right) {
  if (sign == "==") return is_equal(left, right);
  if (sign == "!=") return !is_equal(left, right);
  if (sign == "in") return is_in(left, right);
  if (sign == "+") return add(left, right);
  const auto a = number_of(left), b = number_of(right);
  if (sign == "-") return number_value(a - b);
  if (sign == "*") return number_value(a * b);
  if (sign == "/") return number_value(b == 0 ? std::nan("") : a / b);
  if (sign == "<") return a < b;
  if (sign == ">") return a > b;
  return sign == "<=" ? a <= b : a >= b;
}

Held evaluate(const Node& node, Run& run);

Held call(const Node& node, Run& run) {
  std::vector<Held> values;
  values.reserve(node.parts.size());
  for (const auto& part : node.parts) values.push_back(evaluate(part, run));
  std::vector<const json::value*> arguments;
  for (const auto& value : values) arguments.push_back(&value.get());
  return held(node.function->call(run, arguments));
}

Held evaluate(const Node& node, Run& run) {
  run.step();
  switch (node.kind) {
    case Kind::literal: return {&node.literal, nullptr};
    case Kind::global: return {&run.globals[node.index], nullptr};
    case Kind::local: return {&run.locals[node.index], nullptr};
    case Kind::member: return member(evaluate(node.parts[0], run), node.literal.get_string());
    case Kind::call: return call(node, run);
    case Kind::list: {
      json::array list;
      for (const auto& part : node.parts) list.push_back(evaluate(part, run).take());
      return held(std::move(list));
    }
    case Kind::condition: return evaluate(node.parts[is_something(evaluate(node.parts[0], run).get()) ? 1 : 2], run);
    case Kind::either:
      return held(is_something(evaluate(node.parts[0], run).get()) || is_something(evaluate(node.parts[1], run).get()));
    case Kind::both:
      return held(is_something(evaluate(node.parts[0], run).get()) && is_something(evaluate(node.parts[1], run).get()));
    case Kind::first_of: {
      auto first = evaluate(node.parts[0], run);
      // A number is an answer, also 0.
      return is_something(first.get()) || first.get().is_number() ? std::move(first) : evaluate(node.parts[1], run);
    }
    case Kind::negation: return held(!is_something(evaluate(node.parts[0], run).get()));
    case Kind::operation: {
      const auto left = evaluate(node.parts[0], run), right = evaluate(node.parts[1], run);
      return held(operate(node.sign, left.get(), right.get()));
    }
  }
  return held(nullptr);
}

}  // namespace

void Run::step() {
  if (++steps > kMaxSteps) {
    throw base::Error(base::Code::llm_error, "the offline analysis took too many steps: simplify its offline.yaml");
  }
}

Formula::Formula(std::string_view text, const Scope& scope) : root_(Parser(text, scope).run()) {}

json::value Formula::value(Run& run) const { return evaluate(root_, run).take(); }

Text::Text(std::string_view text, const Scope& scope) {
  std::size_t begin = 0;
  for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{', begin)) {
    pieces_.emplace_back(text.substr(begin, open - begin));
    auto at = open + 1;
    char mark = 0;
    for (; at < text.size() && (mark != 0 || text[at] != '}'); ++at) {
      if (mark != 0) {
        if (text[at] == mark) mark = 0;
      } else if (text[at] == '"' || text[at] == '\'') {
        mark = text[at];
      }
    }
    if (at >= text.size()) throw FormulaFault(fmt::format("'{}' is not closed by a brace", text.substr(open, 20)));
    formulas_.emplace_back(text.substr(open + 1, at - open - 1), scope);
    begin = at + 1;
  }
  pieces_.emplace_back(text.substr(begin));
}

std::string Text::value(Run& run) const {
  auto out = pieces_.front();
  for (std::size_t i = 0; i < formulas_.size(); ++i) {
    const auto written = text_of(formulas_[i].value(run));
    out += written;
    // What writes nothing leaves no gap.
    std::string_view rest = pieces_[i + 1];
    if (written.empty() && rest.starts_with(' ') && (out.empty() || out.ends_with(' '))) rest.remove_prefix(1);
    out += rest;
  }
  return out;
}

bool is_something(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return false;
    case json::kind::bool_: return value.get_bool();
    case json::kind::string: return !value.get_string().empty();
    case json::kind::array: return !value.get_array().empty();
    case json::kind::object: return !value.get_object().empty();
    default: return number_of(value) != 0;
  }
}

double number_of(const json::value& value) {
  if (value.is_number()) return value.to_number<double>();
  if (value.is_bool()) return value.get_bool() ? 1 : 0;
  if (const auto* list = value.if_array()) return static_cast<double>(list->size());
  const auto* text = value.if_string();
  if (text == nullptr) return std::nan("");
  const auto begin = std::find_if(text->begin(), text->end(), is_digit);
  std::string digits;  // "12,500.50" as 12500.50
  for (auto at = begin; at != text->end() && (is_digit(*at) || *at == ',' || *at == '.'); ++at) {
    if (*at != ',') digits += *at;
  }
  double number = std::nan("");
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return begin != text->begin() && begin != text->end() && *(begin - 1) == '-' ? -number : number;
}

std::string text_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "";
    case json::kind::bool_: return value.get_bool() ? "yes" : "no";
    case json::kind::string: return std::string(value.get_string());
    case json::kind::array: {
      std::vector<std::string> items;
      for (const auto& element : value.get_array()) {
        if (auto item = text_of(element); !item.empty()) items.push_back(std::move(item));
      }
      return join(items);
    }
    case json::kind::object: {
      std::string text;
      for (const auto& member : value.get_object()) {
        if (member.key().starts_with('#') || !(member.value().is_string() || member.value().is_array())) continue;
        const auto part = text_of(member.value());
        if (!part.empty()) text += (text.empty() ? "" : text.ends_with('.') ? " " : ". ") + part;
      }
      return text;
    }
    default: {
      const auto number = value.to_number<double>();
      if (number == std::floor(number)) return fmt::format("{:.0f}", number);
      auto text = fmt::format("{:.2f}", number);
      while (text.ends_with('0')) text.pop_back();
      return text;
    }
  }
}

json::value number_value(double number) {
  if (!std::isfinite(number)) return nullptr;
  if (number == std::floor(number) && std::abs(number) < 1e15) return static_cast<std::int64_t>(number);
  return number;
}

const json::value* member_of(const json::value& value, std::string_view name) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

}  // namespace llm::offline
