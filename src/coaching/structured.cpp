#include "coaching/structured.hpp"

#include <optional>

namespace coaching {
namespace {

std::optional<base::json::value> object_in(std::string_view text) {
  try {
    auto value = base::parse_json(text);
    if (value.is_object()) return value;
  } catch (const base::Error&) {
    // Not this piece; the caller tries the next.
  }
  return std::nullopt;
}

}  // namespace

base::json::value json_in(std::string_view answer) {
  answer = base::trim(answer);
  if (auto whole = object_in(answer)) return std::move(*whole);
  const auto end = answer.rfind('}');
  // Chatter may hold braces too: try from each opening one, a few times at most.
  auto begin = answer.find('{');
  for (int tries = 0; tries < 8 && begin != std::string_view::npos && end != std::string_view::npos && begin < end;
       ++tries, begin = answer.find('{', begin + 1)) {
    if (auto inner = object_in(answer.substr(begin, end + 1 - begin))) return std::move(*inner);
  }
  throw base::Error(base::Code::llm_error, "the model's answer holds no JSON object");
}

}  // namespace coaching
