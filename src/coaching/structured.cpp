#include "coaching/structured.hpp"

#include <fmt/format.h>

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

void find_blank(const base::json::value& value, const std::string& path, std::vector<base::Fault>& faults) {
  if (const auto* text = value.if_string()) {
    if (base::trim(*text).empty()) faults.push_back({path, "must not be empty"});
  } else if (const auto* list = value.if_array()) {
    for (std::size_t i = 0; i < list->size(); ++i) find_blank((*list)[i], fmt::format("{}[{}]", path, i), faults);
  } else if (const auto* object = value.if_object()) {
    for (const auto& member : *object) find_blank(member.value(), base::join_path(path, member.key()), faults);
  }
}

}  // namespace coaching
