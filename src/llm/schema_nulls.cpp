// remove_added_nulls(): the way back from the dialect that lists every property as required.
#include <algorithm>

#include "llm/members.hpp"
#include "llm/schema_dialect.hpp"
#include "llm/schema_types.hpp"

namespace llm {
namespace {

namespace json = boost::json;
using json::object;
using json::value;

const json::array* variants_of(const object& schema) {
  const auto* variants = array_at(schema, "anyOf");
  return variants != nullptr ? variants : array_at(schema, "oneOf");
}

bool accepts_null(const object& schema) {
  if (const auto* variants = variants_of(schema)) {
    return std::ranges::any_of(*variants,
                               [](const value& each) { return !each.is_object() || accepts_null(each.get_object()); });
  }
  if (const auto* constant = schema.if_contains("const")) return constant->is_null();
  if (const auto* values = array_at(schema, "enum")) {
    return std::ranges::find(*values, value(nullptr)) != values->end();
  }
  return !schema.contains("type") || contains(types_of(schema), "null");
}

// The variant that `answer` can only be meant by: the one of its type, when there is but one.
const object* variant_for(const value& answer, const object& schema) {
  const auto* variants = variants_of(schema);
  if (variants == nullptr) return &schema;
  const object* found = nullptr;
  for (const auto& variant : *variants) {
    if (!variant.is_object()) return nullptr;
    if (!contains(types_of(variant.get_object()), type_of(answer))) continue;
    if (found != nullptr) return nullptr;
    found = &variant.get_object();
  }
  return found;
}

void remove_nulls(value& answer, const object& whole);

void remove_nulls_of(object& answer, const object& schema) {
  const auto* properties = object_at(schema, "properties");
  if (properties == nullptr) return;
  for (const auto& [name, property] : *properties) {
    auto* found = answer.if_contains(name);
    if (found == nullptr || !property.is_object()) continue;
    if (found->is_null() && !is_required(schema, name) && !accepts_null(property.get_object())) {
      answer.erase(name);
    } else {
      remove_nulls(*found, property.get_object());
    }
  }
}

void remove_nulls(value& answer, const object& whole) {
  if (!answer.is_structured()) return;
  const auto* schema = variant_for(answer, whole);
  if (schema == nullptr) return;
  if (auto* members = answer.if_object()) return remove_nulls_of(*members, *schema);
  const auto* items = object_at(*schema, "items");
  if (items == nullptr) return;
  for (auto& entry : answer.get_array()) remove_nulls(entry, *items);
}

}  // namespace

void remove_added_nulls(value& answer, const value& schema) {
  const auto whole = without_references(schema);
  if (whole.is_object()) remove_nulls(answer, whole.get_object());
}

}  // namespace llm
