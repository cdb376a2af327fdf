#pragma once
// JSON Schema, as far as a contract needs it: valijson judges, and what it refuses is put into words for a person.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace base {

struct Fault {
  std::string field;    // "user_message", "context.values[2]"; "body" for the whole
  std::string
      message;  // what is wrong and what is allowed, never the value: "must be at most 4000 characters; it has 4001"
};
BOOST_DESCRIBE_STRUCT(Fault, (), (field, message))

// No more than so many faults are listed; a request with more is rubbish.
inline constexpr std::size_t kMaxFaults = 50;

// A copy of `schema` with every local reference ("#/components/schemas/…") replaced by what it refers to; members
// beside a $ref win (JSON Schema 2020-12). Throws Error{internal_error} for a reference that leads nowhere or in
// circles: that is a fault in our own document.
json::value resolve_references(const json::value& schema, const json::value& document);

// A compiled schema. Any thread may use one.
class Schema {
 public:
  // `schema` has no references. Throws Error{internal_error} for a keyword that is not supported here, because one
  // that is silently ignored is a hole.
  explicit Schema(json::value schema);
  ~Schema();
  Schema(Schema&&) noexcept;

  bool accepts(const json::value& value) const;
  // All faults at once, in the order of the schema; empty exactly when accepts(). `path` is where the value stands.
  std::vector<Fault> faults(const json::value& value, const std::string& path = "") const;
  const json::value& source() const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

// Faults for strings (and names) with U+0000 anywhere inside: no store, log or C library takes it well.
void find_nul(const json::value& value, const std::string& path, std::vector<Fault>& faults);

std::string join_path(const std::string& path, std::string_view name);  // "a" + "b" -> "a.b"

}  // namespace base
