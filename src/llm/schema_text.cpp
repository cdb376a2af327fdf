#include "llm/schema_text.hpp"

#include <unordered_map>
#include <utility>

#include "base/json.hpp"

namespace llm {

const SchemaText& schema_text(const boost::json::value& schema, Dialect dialect) {
  constexpr std::size_t kRemembered = 64;
  thread_local std::unordered_map<std::string, SchemaText> texts;
  // By its bytes: an address may be another schema's tomorrow.
  auto key = std::to_string(static_cast<int>(dialect));
  base::append_json_value(key, schema);
  const auto known = texts.find(key);
  if (known != texts.end()) return known->second;
  const auto translated = to_dialect(schema, dialect);
  SchemaText text{.text = base::write_json(translated), .within_limits = is_within_limits(translated, dialect)};
  if (texts.size() >= kRemembered) texts.clear();
  return texts.emplace(std::move(key), std::move(text)).first->second;
}

}  // namespace llm
