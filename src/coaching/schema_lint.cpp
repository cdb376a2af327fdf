// The subset of JSON Schema that strict structured output accepts with every vendor: OpenAI's strict mode, Claude's and
// Bedrock's structured outputs, and the grammars of local servers.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "coaching/topic_lint.hpp"

namespace coaching {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 14> kAllowed{
    "type", "properties", "required", "additionalProperties", "items",    "enum",    "const", "anyOf",
    "$ref", "$defs",      "title",    "description",          "minItems", "maxItems"};
constexpr std::array<std::string_view, 7> kTypes{"object", "array", "string", "number", "integer", "boolean", "null"};
constexpr int kMaxDepth = 10;  // nesting that strict mode accepts
constexpr std::size_t kMaxProperties = 100;

class StrictChecker {
 public:
  StrictChecker(std::string where, std::vector<LintFinding>& out) : where_(std::move(where)), out_(out) {}

  void root(const json::value& schema) {
    if (!schema.is_object() || !is_type(schema.get_object(), "object"))
      return fault("", "the root must have type object");
    check(schema, "", 0);
    if (properties_ > kMaxProperties) fault("", fmt::format("more than {} properties in all", kMaxProperties));
  }

 private:
  void fault(const std::string& path, std::string_view what) {
    out_.push_back(
        {where_, std::nullopt, Severity::error, fmt::format("{}: {}", path.empty() ? "(root)" : path, what)});
  }

  static bool is_type(const json::object& schema, std::string_view name) {
    const auto* type = schema.if_contains("type");
    if (type == nullptr) return false;
    if (type->is_string()) return type->get_string() == name;
    const auto* list = type->if_array();
    return list != nullptr && std::any_of(list->begin(), list->end(), [&](const json::value& t) {
             return t.is_string() && t.get_string() == name;
           });
  }

  void check(const json::value& value, const std::string& path, int depth) {
    const auto* schema = value.if_object();
    if (schema == nullptr) return fault(path, "a schema must be an object");
    if (depth > kMaxDepth) return fault(path, fmt::format("nested deeper than {} levels", kMaxDepth));
    for (const auto& member : *schema) {
      if (std::find(kAllowed.begin(), kAllowed.end(), member.key()) == kAllowed.end()) {
        fault(path, fmt::format("'{}' is not in the subset that strict structured output accepts",
                                std::string(member.key())));
      }
    }
    check_type(*schema, path);
    if (is_type(*schema, "object")) check_object(*schema, path, depth);
    if (is_type(*schema, "array")) check_items(*schema, path, depth);
    check_list(*schema, "anyOf", path, depth);
    if (const auto* definitions = schema->if_contains("$defs"); definitions != nullptr && definitions->is_object()) {
      for (const auto& [name, definition] : definitions->get_object()) {
        check(definition, fmt::format("{}$defs.{}", path.empty() ? "" : path + ".", std::string(name)), depth + 1);
      }
    }
  }

  void check_type(const json::object& schema, const std::string& path) {
    const auto* type = schema.if_contains("type");
    if (type == nullptr) {
      const bool other =
          schema.contains("anyOf") || schema.contains("$ref") || schema.contains("enum") || schema.contains("const");
      if (!other) fault(path, "needs a type, anyOf, enum, const or $ref");
      return;
    }
    const auto known = [](const json::value& name) {
      return name.is_string() &&
             std::find(kTypes.begin(), kTypes.end(), std::string_view(name.get_string())) != kTypes.end();
    };
    const bool good = type->is_array() ? !type->get_array().empty() &&
                                             std::all_of(type->get_array().begin(), type->get_array().end(), known)
                                       : known(*type);
    if (!good) fault(path, "the type is not one of object, array, string, number, integer, boolean, null");
  }

  void check_object(const json::object& schema, const std::string& path, int depth) {
    const auto* closed = schema.if_contains("additionalProperties");
    if (closed == nullptr || !closed->is_bool() || closed->get_bool())
      fault(path, "needs \"additionalProperties\": false");
    const auto* properties = schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return fault(path, "needs properties");
    const auto* required = schema.if_contains("required");
    const auto is_required = [&](std::string_view name) {
      const auto* list = required == nullptr ? nullptr : required->if_array();
      return list != nullptr && std::any_of(list->begin(), list->end(), [&](const json::value& entry) {
               return entry.is_string() && entry.get_string() == name;
             });
    };
    for (const auto& [name, property] : properties->get_object()) {
      const auto below = path.empty() ? std::string(name) : path + "." + std::string(name);
      ++properties_;
      if (!is_required(name)) fault(below, "must be in 'required'; what is optional has \"type\": [\"…\", \"null\"]");
      check(property, below, depth + 1);
    }
    if (required == nullptr || !required->is_array()) return;
    for (const auto& name : required->get_array()) {
      if (!name.is_string() || !properties->get_object().contains(name.get_string())) {
        fault(path, fmt::format("'required' lists {}, which is not in 'properties'", json::serialize(name)));
      }
    }
  }

  void check_items(const json::object& schema, const std::string& path, int depth) {
    const auto* items = schema.if_contains("items");
    if (items == nullptr) return fault(path, "a list needs 'items'");
    check(*items, path + "[]", depth + 1);
  }

  void check_list(const json::object& schema, std::string_view keyword, const std::string& path, int depth) {
    const auto* list = schema.if_contains(keyword);
    if (list == nullptr) return;
    if (!list->is_array() || list->get_array().empty())
      return fault(path, fmt::format("'{}' must be a list of schemas", keyword));
    for (const auto& option : list->get_array()) check(option, path, depth + 1);
  }

  std::string where_;
  std::vector<LintFinding>& out_;
  std::size_t properties_ = 0;
};

}  // namespace

std::vector<LintFinding> lint_strict_schema(const json::value& schema, const std::string& where) {
  std::vector<LintFinding> findings;
  StrictChecker(where, findings).root(schema);
  try {
    base::Schema compiled(base::resolve_references(schema, schema));
  } catch (const std::exception& error) {  // ours, or the schema library's own
    findings.push_back({where, std::nullopt, Severity::error, error.what()});
  }
  return findings;
}

}  // namespace coaching
