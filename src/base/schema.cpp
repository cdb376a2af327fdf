// Boost.JSON comes first: valijson's adapter expects its names.
#include <boost/json.hpp>
// Then the rest.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/regex.hpp>
#include <stdexcept>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "base/explain.hpp"
#include "base/schema.hpp"

// valijson is kept from four things, and its exceptions are on (without them it ends the process). Patterns: it runs std::regex, whose recursion overflows the stack on a long
// string, and compiles each on first use behind an unguarded cache; Boost.Regex has neither fault. Strings with NUL: it
// reads them as C strings, so that what follows would go unseen; find_nul() comes first. Lengths: it copies the string
// and decodes it byte by byte, 20 us for 4,000 characters. Formats: an annotation in JSON Schema 2020-12.
namespace base {
namespace {

using json::array;
using json::object;
using json::value;

constexpr std::size_t kMaxReferences = 32;

[[noreturn]] void broken(std::string message) {
  throw Error(Code::internal_error, "in the contract: " + std::move(message));
}

value resolve(const value& node, const value& document, std::size_t depth);

value follow(const object& node, const value& document, std::size_t depth) {
  const std::string_view reference = node.at("$ref").as_string();
  json::error_code failed;
  const auto* target = reference.starts_with('#') ? document.find_pointer(reference.substr(1), failed) : nullptr;
  if (target == nullptr || failed) broken(fmt::format("the reference {} leads nowhere", reference));
  auto resolved = resolve(*target, document, depth + 1);
  if (!resolved.is_object()) return resolved;
  for (const auto& member : node) {
    if (member.key() != "$ref")
      resolved.get_object().insert_or_assign(member.key(), resolve(member.value(), document, depth + 1));
  }
  return resolved;
}

value resolve(const value& node, const value& document, std::size_t depth) {
  if (depth > kMaxReferences) broken("references go round in circles, or are nested too deeply");
  if (const auto* list = node.if_array()) {
    array copy;
    copy.reserve(list->size());
    for (const auto& element : *list) copy.push_back(resolve(element, document, depth + 1));
    return copy;
  }
  const auto* members = node.if_object();
  if (members == nullptr) return node;
  if (members->contains("$ref")) return follow(*members, document, depth);
  object copy;
  copy.reserve(members->size());
  for (const auto& member : *members) copy.emplace(member.key(), resolve(member.value(), document, depth + 1));
  return copy;
}

enum class Keyword { rule, schema, schema_list, schema_map, length, pattern, annotation, unknown };

Keyword kind_of_keyword(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kRules{
      "type",     "enum",     "const",         "required",      "minimum",          "maximum",
      "minItems", "maxItems", "minProperties", "maxProperties", "exclusiveMinimum", "exclusiveMaximum"};
  // Definitions mean nothing once every reference to them is resolved.
  static constexpr std::array<std::string_view, 12> kAnnotations{"description", "title",      "default", "example",
                                                                 "examples",    "deprecated", "format",  "readOnly",
                                                                 "writeOnly",   "$comment",   "$schema", "$defs"};
  const auto in = [&](const auto& names) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (in(kRules)) return Keyword::rule;
  if (in(kAnnotations) || name.starts_with("x-")) return Keyword::annotation;
  if (name == "items" || name == "additionalProperties" || name == "not") return Keyword::schema;
  if (name == "allOf" || name == "anyOf" || name == "oneOf") return Keyword::schema_list;
  if (name == "properties") return Keyword::schema_map;
  if (name == "minLength" || name == "maxLength") return Keyword::length;
  return name == "pattern" ? Keyword::pattern : Keyword::unknown;
}

struct RegexPatterns final : Patterns {
  bool matches(std::string_view pattern, std::string_view text) const override {
    const auto known = compiled.find(pattern);
    try {
      // Like ECMA 262 without its m flag: ^ and $ are the ends of the text, not of its lines.
      return known != compiled.end() &&
             boost::regex_search(text.begin(), text.end(), known->second, boost::regex_constants::match_single_line);
    } catch (const std::runtime_error&) {
      return false;  // Boost.Regex gives up on matches that take too long
    }
  }
  void add(std::string_view pattern) {
    try {
      compiled.emplace(pattern, boost::regex(pattern.begin(), pattern.end(), boost::regex::ECMAScript));
    } catch (const std::exception&) {
      broken(fmt::format("{} is not a regular expression", pattern));
    }
  }
  std::map<std::string, boost::regex, std::less<>> compiled;
  bool text_is_checked_here = false;  // whether explain() has to see what valijson accepts
};

// The part of a schema that valijson judges; collects the patterns on the way. Taking a rule away must let more values
// through and never fewer, which is not so inside a oneOf or a not (`inverted`): lengths stay there, and a pattern
// cannot stand there.
value strip(const value& schema, RegexPatterns& patterns, bool inverted = false) {
  if (!schema.is_object()) return schema;
  object stripped;
  for (const auto& member : schema.get_object()) {
    const std::string_view name = member.key();
    const auto& rule = member.value();
    const bool inside = inverted || name == "oneOf" || name == "not";
    switch (kind_of_keyword(name)) {
      case Keyword::rule: stripped.emplace(name, rule); break;
      case Keyword::schema: stripped.emplace(name, strip(rule, patterns, inside)); break;
      case Keyword::schema_list: {
        array list;
        for (const auto& one : rule.as_array()) list.push_back(strip(one, patterns, inside));
        stripped.emplace(name, std::move(list));
        break;
      }
      case Keyword::schema_map: {
        object map;
        for (const auto& one : rule.as_object()) map.emplace(one.key(), strip(one.value(), patterns, inside));
        stripped.emplace(name, std::move(map));
        break;
      }
      case Keyword::length:
        if (inverted) stripped.emplace(name, rule);
        patterns.text_is_checked_here |= !inverted;
        break;
      case Keyword::pattern:
        if (inverted) broken("a pattern inside oneOf or not is not supported");
        patterns.text_is_checked_here = true;
        patterns.add(rule.as_string());
        break;
      case Keyword::annotation: break;
      case Keyword::unknown: broken(fmt::format("the keyword {} is not supported", name));
    }
  }
  return stripped;
}

}  // namespace

struct Schema::Compiled {
  value source;
  RegexPatterns patterns;
  valijson::Schema schema;
};

namespace {

// Above 2^63 a number is none for valijson, and no bound holds it.
bool holds_huge_number(const value& v) {
  if (v.is_uint64()) return true;
  if (const auto* list = v.if_array()) return std::any_of(list->begin(), list->end(), holds_huge_number);
  const auto* members = v.if_object();
  return members != nullptr && std::any_of(members->begin(), members->end(),
                                           [](const auto& member) { return holds_huge_number(member.value()); });
}

}  // namespace

Schema::Schema(value source) : compiled_(std::make_unique<Compiled>()) {
  compiled_->source = std::move(source);
  const auto stripped = strip(compiled_->source, compiled_->patterns);
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  parser.populateSchema(valijson::adapters::BoostJsonAdapter(stripped), compiled_->schema);
}

Schema::~Schema() = default;
Schema::Schema(Schema&&) noexcept = default;

const value& Schema::source() const { return compiled_->source; }

bool Schema::accepts(const value& v) const {
  try {
    valijson::Validator validator;
    if (!validator.validate(compiled_->schema, valijson::adapters::BoostJsonAdapter(v), nullptr)) return false;
  } catch (const std::runtime_error&) {
    return false;  // thrown for numbers above 2^63 where it compares them
  }
  if (!compiled_->patterns.text_is_checked_here && !holds_huge_number(v)) return true;
  std::vector<Fault> found;
  explain(compiled_->source, v, "", compiled_->patterns, found);
  return found.empty();
}

std::vector<Fault> Schema::faults(const value& v, const std::string& path) const {
  std::vector<Fault> found;
  if (accepts(v)) return found;
  explain(compiled_->source, v, path, compiled_->patterns, found);
  if (found.empty())
    found.push_back({path.empty() ? "body" : path, "does not have the form that the contract asks for"});
  return found;
}

value resolve_references(const value& schema, const value& document) { return resolve(schema, document, 0); }

void find_nul(const value& v, const std::string& path, std::vector<Fault>& faults) {
  static constexpr std::string_view kMessage = "must not hold the character U+0000";
  const auto add = [&](const std::string& field) {
    if (faults.size() < kMaxFaults) faults.push_back({field.empty() ? "body" : field, std::string(kMessage)});
  };
  const auto holds_nul = [](std::string_view text) { return text.find('\0') != std::string_view::npos; };
  if (v.is_string() && holds_nul(v.get_string())) add(path);
  if (const auto* list = v.if_array()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto& element = (*list)[i];
      if (element.is_string() || element.is_structured()) find_nul(element, fmt::format("{}[{}]", path, i), faults);
    }
  }
  if (const auto* members = v.if_object()) {
    for (const auto& member : *members) {
      if (holds_nul(member.key())) add(path);
      const auto& inside = member.value();
      if (inside.is_string() ? holds_nul(inside.get_string()) : inside.is_structured()) {
        find_nul(inside, join_path(path, member.key()), faults);
      }
    }
  }
}

std::string join_path(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

}  // namespace base
