#pragma once
// Members of a vendor's JSON, read tolerantly: one that is absent, or of another type than expected, is nothing.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <string_view>

namespace llm {

inline const boost::json::object* object_at(const boost::json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  return member != nullptr ? member->if_object() : nullptr;
}

inline const boost::json::array* array_at(const boost::json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  return member != nullptr ? member->if_array() : nullptr;
}

inline std::string_view text_at(const boost::json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  const auto* text = member != nullptr ? member->if_string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

// Never negative; 0 too for what does not fit.
inline std::int64_t number_at(const boost::json::object& object, std::string_view name) {
  const auto* member = object.if_contains(name);
  if (member == nullptr || !member->is_number()) return 0;
  boost::json::error_code out_of_range;
  return std::max<std::int64_t>(member->to_number<std::int64_t>(out_of_range), 0);
}

// Whether there is an error in it that is more than null, or it is one itself, as vLLM's were once.
inline bool has_error(const boost::json::object& object) {
  const auto* error = object.if_contains("error");
  return (error != nullptr && !error->is_null()) || text_at(object, "object") == "error";
}

}  // namespace llm
