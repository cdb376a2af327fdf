#include "base/json_members.hpp"

namespace base {

// In JSON, a colon outside a string stands between a member's name and its value, and nowhere else.
std::size_t members_written(std::string_view text) {
  std::size_t count = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (inside && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      inside = !inside;
    } else if (!inside && text[i] == ':') {
      ++count;
    }
  }
  return count;
}

std::size_t members_kept(const json::value& value) {
  std::size_t count = 0;
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) count += 1 + members_kept(member.value());
  } else if (const auto* list = value.if_array()) {
    for (const auto& element : *list) count += members_kept(element);
  }
  return count;
}

}  // namespace base
