#pragma once
// YAML in, JSON out: topics, settings and the HTTP contract are written in YAML by people and read as JSON by the rest.
#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <string_view>

namespace base {

// Plain scalars follow YAML 1.2's core schema (true/false, null, integers, decimals); quoted ones stay strings. Anchors
// are resolved; a key that appears twice is an error. Throws Error{validation_error} naming `file` and the line; depth
// and size after resolving anchors are bounded, so a hostile document cannot eat the memory.
boost::json::value yaml_to_json(std::string_view text, std::string_view file);

// Where a value stands, by its keys: "models/small/price" -> 12, from 1.
using YamlLines = std::map<std::string, int, std::less<>>;

// The same, and the line of each key of a map in a map; for faults that only their reader can find.
boost::json::value yaml_to_json(std::string_view text, std::string_view file, YamlLines& lines);

}  // namespace base
