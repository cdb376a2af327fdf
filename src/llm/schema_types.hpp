#pragma once
// What a JSON Schema says about the type of a value. For the files schema_*.cpp alone.
#include <boost/json.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace llm {

using SchemaTypes = std::vector<std::string>;

// "integer" for a whole number, else as JSON Schema calls it.
std::string_view type_of(const boost::json::value& value);

// The types that `schema` allows, never none. Where it names none they are guessed by its other keywords: vendors refuse a
// schema without a type.
SchemaTypes types_of(const boost::json::object& schema);

bool is_structured(std::string_view type);  // an object or a list
bool contains(const SchemaTypes& types, std::string_view type);
bool has_any(const boost::json::object& schema, std::initializer_list<std::string_view> names);

// Whether the member `name` of an object is required by its schema.
bool is_required(const boost::json::object& schema, std::string_view name);

// With every reference replaced by what it refers to, and without $defs. Throws Error{internal_error}.
boost::json::value without_references(const boost::json::value& schema);

}  // namespace llm
