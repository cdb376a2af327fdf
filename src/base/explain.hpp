#pragma once
// What a value has against a schema, in words.
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/schema.hpp"

namespace base {

// Whether `text` matches a pattern of the schema anywhere (ECMA 262's meaning of `pattern`).
class Patterns {
 public:
  virtual ~Patterns() = default;
  virtual bool matches(std::string_view pattern, std::string_view text) const = 0;
};

void explain(const json::value& schema, const json::value& value, const std::string& path, const Patterns& patterns,
             std::vector<Fault>& faults);

}  // namespace base
