#pragma once
// JSON Schema (the part common to draft 7 and OpenAPI 3.1), checked by valijson.
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace base {

struct SchemaFault {
  std::string field;    // "values[2].name"; "" for the document itself
  std::string message;  // "must be at most 80 characters"; never repeats the value
};

// Compiled once, then only read: any thread may check.
class Schema {
 public:
  // Throws Error{validation_error} when it is not a schema.
  explicit Schema(const json::value& document);
  ~Schema();
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;

  // All faults at once; empty when the value fits.
  std::vector<SchemaFault> check(const json::value& value) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace base
