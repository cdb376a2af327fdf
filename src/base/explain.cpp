#include "base/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace base {
namespace {

using json::object;
using json::value;

constexpr std::string_view kTooLarge = "is too large; numbers may have at most 18 digits";

// A name from outside, fit to be shown: bounded, and without control characters.
std::string shown(std::string_view name) {
  std::string safe(base::prefix_bytes(name, 64));
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return safe.size() < name.size() ? safe + "…" : safe;
}

std::string_view kind_in_words(std::string_view type) {
  if (type == "string") return "a string";
  if (type == "integer") return "a whole number";
  if (type == "number") return "a number";
  if (type == "boolean") return "true or false";
  if (type == "array") return "a list";
  if (type == "object") return "an object";
  return "null";
}

// The `type` of a schema: one, or a list of them.
std::string kinds_in_words(const value& type) {
  if (type.is_string()) return std::string(kind_in_words(type.get_string()));
  std::string words;
  for (const auto& one : type.as_array()) {
    words += fmt::format("{}{}", words.empty() ? "" : " or ", kind_in_words(one.as_string()));
  }
  return words;
}

std::string_view kind_of(const value& v) {
  switch (v.kind()) {
    case json::kind::string: return "a string";
    case json::kind::bool_: return v.get_bool() ? "true" : "false";
    case json::kind::array: return "a list";
    case json::kind::object: return "an object";
    case json::kind::null: return "null";
    default: return "a number";
  }
}

bool is_type(const value& v, std::string_view type) {
  if (type == "string") return v.is_string();
  if (type == "integer") return v.is_int64();  // 1.0 is not, nor what does not fit 64 bits
  if (type == "number") return v.is_int64() || v.is_double();
  if (type == "boolean") return v.is_bool();
  if (type == "array") return v.is_array();
  if (type == "object") return v.is_object();
  return type == "null" && v.is_null();
}

class Walk {
 public:
  Walk(const Patterns& patterns, std::vector<Fault>& faults) : patterns_(patterns), faults_(faults) {}

  void check(const value& schema, const value& v, const std::string& path) {
    if (schema.is_bool()) {
      if (!schema.get_bool()) add(path, "is not allowed here");
      return;
    }
    const auto& rules = schema.get_object();
    if (faults_.size() >= kMaxFaults || !check_type(rules, v, path)) return;
    check_choices(rules, v, path);
    if (v.is_string()) check_string(rules, v.get_string(), path);
    if (v.is_number()) check_number(rules, v, path);
    if (v.is_array()) check_list(rules, v.get_array(), path);
    if (v.is_object()) check_object(rules, v.get_object(), path);
    check_alternatives(rules, v, path);
  }

 private:
  void add(const std::string& path, std::string message) {
    if (faults_.size() < kMaxFaults) faults_.push_back({path.empty() ? "body" : path, std::move(message)});
  }

  static const value* find(const object& rules, std::string_view keyword) { return rules.if_contains(keyword); }
  static std::uint64_t count(const value* rule) { return rule->to_number<std::uint64_t>(); }

  bool check_type(const object& rules, const value& v, const std::string& path) {
    const auto* type = find(rules, "type");
    if (type == nullptr) return true;
    std::vector<std::string_view> allowed;
    if (type->is_string()) allowed.push_back(type->get_string());
    if (type->is_array()) {
      for (const auto& one : type->get_array()) allowed.push_back(one.get_string());
    }
    if (std::any_of(allowed.begin(), allowed.end(), [&](auto one) { return is_type(v, one); })) return true;
    const auto wanted = kinds_in_words(*type);
    if (v.is_uint64() && wanted.find("number") != std::string::npos) {
      add(path, std::string(kTooLarge));
    } else if (v.is_double() && wanted == "a whole number") {
      add(path, "must be a whole number, without a fraction");
    } else {
      add(path, fmt::format("must be {}; it is {}", wanted, kind_of(v)));
    }
    return false;
  }

  void check_choices(const object& rules, const value& v, const std::string& path) {
    if (const auto* only = find(rules, "const"); only != nullptr && *only != v) {
      add(path, "must be " + write_json(*only));
    }
    const auto* choices = find(rules, "enum");
    if (choices == nullptr) return;
    const auto& list = choices->get_array();
    if (std::find(list.begin(), list.end(), v) != list.end()) return;
    std::string allowed;
    std::vector<std::string> names;
    for (const auto& choice : list) {
      const auto name = choice.is_string() ? std::string(choice.get_string()) : write_json(choice);
      allowed += (allowed.empty() ? "" : ", ") + name;
      if (choice.is_string()) names.push_back(name);
    }
    const auto meant =
        v.is_string() && v.get_string().size() <= 64 ? base::nearest(std::string_view(v.get_string()), names) : "";
    add(path, fmt::format("must be one of {}{}", allowed, meant.empty() ? "" : "; did you mean " + meant + "?"));
  }

  void check_string(const object& rules, std::string_view text, const std::string& path) {
    const auto length = base::count_characters(text);
    if (const auto* least = find(rules, "minLength"); least != nullptr && length < count(least)) {
      add(path, length == 0 ? "must not be empty"
                            : fmt::format("must be at least {} characters; it has {}", count(least), length));
      return;
    }
    if (const auto* most = find(rules, "maxLength"); most != nullptr && length > count(most)) {
      add(path, fmt::format("must be at most {} characters; it has {}", count(most), length));
      return;  // a pattern is never run over more text than is allowed
    }
    const auto* pattern = find(rules, "pattern");
    if (pattern != nullptr && !patterns_.matches(pattern->get_string(), text)) {
      const auto* meaning = find(rules, "x-pattern-means");  // "1 to 255 printable ASCII characters without spaces"
      add(path, meaning != nullptr ? fmt::format("must be {}", std::string_view(meaning->as_string()))
                                   : fmt::format("must match the pattern {}", std::string_view(pattern->get_string())));
    }
  }

  void check_number(const object& rules, const value& v, const std::string& path) {
    if (v.is_uint64()) {
      for (const auto* bound : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}) {
        if (rules.contains(bound)) return add(path, std::string(kTooLarge));
      }
    }
    const auto number = v.to_number<double>();
    const auto compare = [&](std::string_view keyword, auto&& in_order, std::string_view words) {
      const auto* bound = find(rules, keyword);
      if (bound == nullptr || in_order(number, bound->to_number<double>())) return;
      add(path, fmt::format("must be {} {}", words, write_json(*bound)));
    };
    compare("minimum", std::greater_equal<>(), "at least");
    compare("maximum", std::less_equal<>(), "at most");
    compare("exclusiveMinimum", std::greater<>(), "more than");
    compare("exclusiveMaximum", std::less<>(), "less than");
  }

  void check_size(const object& rules, std::string_view least_name, std::string_view most_name, std::size_t size,
                  std::string_view what, const std::string& path) {
    if (const auto* least = find(rules, least_name); least != nullptr && size < count(least)) {
      add(path, fmt::format("must have at least {} {}; it has {}", count(least), what, size));
    }
    if (const auto* most = find(rules, most_name); most != nullptr && size > count(most)) {
      add(path, fmt::format("must have at most {} {}; it has {}", count(most), what, size));
    }
  }

  void check_list(const object& rules, const json::array& list, const std::string& path) {
    check_size(rules, "minItems", "maxItems", list.size(), "entries", path);
    const auto* items = find(rules, "items");
    if (items == nullptr) return;
    for (std::size_t i = 0; i < list.size() && faults_.size() < kMaxFaults; ++i) {
      check(*items, list[i], fmt::format("{}[{}]", path, i));
    }
  }

  void check_object(const object& rules, const object& members, const std::string& path) {
    check_size(rules, "minProperties", "maxProperties", members.size(), "fields", path);
    static const object kNone;
    const auto* described = find(rules, "properties");
    const auto& known = described == nullptr ? kNone : described->get_object();
    if (const auto* required = find(rules, "required"); required != nullptr) {
      for (const auto& name : required->get_array()) {
        if (!members.contains(name.get_string()))
          add(join_path(path, name.get_string()), missing(known, name.get_string()));
      }
    }
    for (const auto& rule : known) {
      if (const auto* member = members.if_contains(rule.key()))
        check(rule.value(), *member, join_path(path, rule.key()));
    }
    check_unknown(rules, known, members, path);
  }

  void check_unknown(const object& rules, const object& known, const object& members, const std::string& path) {
    const auto* rest = find(rules, "additionalProperties");
    if (rest == nullptr || *rest == value(true)) return;
    std::vector<std::string> names;
    for (const auto& rule : known) names.emplace_back(rule.key());
    for (const auto& member : members) {
      if (faults_.size() >= kMaxFaults) return;
      if (known.contains(member.key())) continue;
      const auto where = join_path(path, shown(member.key()));
      if (rest->is_object()) {
        check(*rest, member.value(), where);
      } else {
        add(where, unknown(member.key(), names));
      }
    }
  }

  static std::string missing(const object& known, std::string_view name) {
    const auto* rule = known.if_contains(name);
    const auto* type = rule != nullptr && rule->is_object() ? find(rule->get_object(), "type") : nullptr;
    return type == nullptr ? "is missing" : fmt::format("is missing; it must be {}", kinds_in_words(*type));
  }

  static std::string unknown(std::string_view name, const std::vector<std::string>& known) {
    const auto meant = name.size() <= 64 ? base::nearest(name, known) : "";
    if (!meant.empty()) return fmt::format("is not a known field; did you mean {}?", meant);
    if (known.empty()) return "is not a known field; none is allowed here";
    return fmt::format("is not a known field; allowed are {}", fmt::join(known, ", "));
  }

  std::vector<Fault> faults_of(const value& schema, const value& v, const std::string& path) const {
    std::vector<Fault> found;
    Walk(patterns_, found).check(schema, v, path);
    return found;
  }

  // Of several ways to be right, the one that is nearest is explained.
  void check_alternatives(const object& rules, const value& v, const std::string& path) {
    if (const auto* all = find(rules, "allOf"); all != nullptr) {
      for (const auto& schema : all->get_array()) check(schema, v, path);
    }
    for (const auto* keyword : {"anyOf", "oneOf"}) {
      const auto* choices = find(rules, keyword);
      if (choices == nullptr) continue;
      std::vector<Fault> fewest;
      std::size_t fitting = 0;
      for (const auto& schema : choices->get_array()) {
        auto found = faults_of(schema, v, path);
        if (found.empty()) ++fitting;
        if (fewest.empty() || found.size() < fewest.size()) fewest = std::move(found);
      }
      if (fitting == 0) {
        for (auto& fault : fewest) add(fault.field, std::move(fault.message));
      } else if (fitting > 1 && std::string_view(keyword) == "oneOf") {
        add(path, "fits more than one of the forms it can have; it must fit exactly one");
      }
    }
    if (const auto* forbidden = find(rules, "not"); forbidden != nullptr && faults_of(*forbidden, v, path).empty()) {
      add(path, "has a form that is not allowed here");
    }
  }

  const Patterns& patterns_;
  std::vector<Fault>& faults_;
};

}  // namespace

void explain(const value& schema, const value& v, const std::string& path, const Patterns& patterns,
             std::vector<Fault>& faults) {
  Walk(patterns, faults).check(schema, v, path);
}

}  // namespace base
