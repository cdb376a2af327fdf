#include "llm/schema_types.hpp"

#include <algorithm>

#include "base/schema.hpp"
#include "llm/members.hpp"

namespace llm {
namespace {

namespace json = boost::json;
using json::object;
using json::value;

void add_type(SchemaTypes& types, std::string_view type) {
  if (!contains(types, type)) types.emplace_back(type);
}

// Of a schema that names none, guessed by its other keywords: vendors refuse one without a type.
SchemaTypes guessed_types(const object& schema) {
  SchemaTypes types;
  if (const auto* constant = schema.if_contains("const")) return {std::string(type_of(*constant))};
  if (const auto* list = array_at(schema, "enum")) {
    for (const auto& each : *list) add_type(types, type_of(each));
  }
  if (!types.empty()) return types;
  if (has_any(schema, {"properties", "required", "additionalProperties"})) return {"object"};
  if (has_any(schema, {"items", "minItems", "maxItems", "uniqueItems"})) return {"array"};
  if (has_any(schema, {"minLength", "maxLength", "pattern", "format"})) return {"string"};
  if (has_any(schema, {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})) return {"number"};
  return {"string", "number", "boolean", "null"};  // anything goes; nothing can be said about an object's members
}

}  // namespace

std::string_view type_of(const value& v) {
  switch (v.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "boolean";
    case json::kind::int64:
    case json::kind::uint64: return "integer";
    case json::kind::double_: return "number";
    case json::kind::string: return "string";
    case json::kind::array: return "array";
    case json::kind::object: return "object";
  }
  return "null";
}

SchemaTypes types_of(const object& schema) {
  const auto* type = schema.if_contains("type");
  if (type == nullptr) return guessed_types(schema);
  SchemaTypes types;
  if (type->is_string()) add_type(types, type->get_string());
  if (const auto* list = type->if_array()) {
    for (const auto& each : *list) {
      if (each.is_string()) add_type(types, each.get_string());
    }
  }
  return types.empty() ? guessed_types(schema) : types;
}

bool is_structured(std::string_view type) { return type == "object" || type == "array"; }

bool contains(const SchemaTypes& types, std::string_view type) { return std::ranges::find(types, type) != types.end(); }

bool has_any(const object& schema, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return schema.contains(name); });
}

bool is_required(const object& schema, std::string_view name) {
  const auto* required = array_at(schema, "required");
  return required != nullptr && std::ranges::find(*required, value(name)) != required->end();
}

value without_references(const value& schema) {
  auto whole = base::resolve_references(schema, schema);
  if (auto* members = whole.if_object()) {
    members->erase("$defs");
    members->erase("definitions");
  }
  return whole;
}

}  // namespace llm
