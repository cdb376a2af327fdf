#pragma once
// A schema in a vendor's dialect, as the bytes that are sent.
#include <boost/json/value.hpp>
#include <string>

#include "llm/schema_dialect.hpp"

namespace llm {

struct SchemaText {
  std::string text;
  bool within_limits = true;  // is_within_limits()
};

// Every turn asks by the same few schemas, and translating one costs ten times what writing it does, so each thread
// remembers what became of the last ones. Valid until the thread's next call. Throws as to_dialect().
const SchemaText& schema_text(const boost::json::value& schema, Dialect dialect);

}  // namespace llm
