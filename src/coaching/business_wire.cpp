#include "coaching/business_wire.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/percent.hpp"

namespace coaching {
namespace {

namespace json = base::json;

constexpr int kMostWraps = 2;

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_lower_or_digit(char c) { return is_lower(c) || (c >= '0' && c <= '9'); }
bool is_plain(char c) { return is_upper(c) || is_lower_or_digit(c) || c == '_'; }
char lowered(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

base::Error no_answer(std::string_view why) {
  return {base::Code::dependency_unavailable, fmt::format("the Business API answered with {}", why),
          json::object{{"reason", "malformed"}}};
}

json::value in_snake_case(const json::value& value);

// Where both spellings are there, the one in snake_case counts.
json::object in_snake_case(const json::object& object) {
  json::object members;
  for (const auto& member : object) {
    if (to_snake_case(member.key()) == member.key()) members.emplace(member.key(), in_snake_case(member.value()));
  }
  for (const auto& member : object) {
    auto name = to_snake_case(member.key());
    if (!members.contains(name)) members.emplace(name, in_snake_case(member.value()));
  }
  return members;
}

json::value in_snake_case(const json::value& value) {
  if (const auto* object = value.if_object()) return in_snake_case(*object);
  const auto* list = value.if_array();
  if (list == nullptr) return value;
  json::array elements;
  elements.reserve(list->size());
  for (const auto& element : *list) elements.push_back(in_snake_case(element));
  return elements;
}

// What `data` wraps.
const json::value& unwrapped(const json::value& answer) {
  const auto* inner = &answer;
  for (int wraps = 0; wraps < kMostWraps; ++wraps) {
    const auto* object = inner->if_object();
    const auto* data = object == nullptr ? nullptr : object->if_contains("data");
    if (data == nullptr || !(data->is_structured() || data->is_null())) break;
    inner = data;
  }
  return *inner;
}

const json::value* list_in(const json::value& value) {
  if (value.is_array()) return &value;
  const auto* object = value.if_object();
  const auto* items = object == nullptr ? nullptr : object->if_contains("items");
  return items != nullptr && items->is_array() ? items : nullptr;
}

}  // namespace

std::string to_snake_case(std::string_view name) {
  if (!std::ranges::all_of(name, is_plain)) return std::string(name);
  std::string snake;
  snake.reserve(name.size() + 4);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool after_word = i > 0 && is_lower_or_digit(name[i - 1]);
    const bool after_capitals = i > 0 && is_upper(name[i - 1]) && i + 1 < name.size() && is_lower(name[i + 1]);
    if (is_upper(name[i]) && (after_word || after_capitals)) snake += '_';
    snake += lowered(name[i]);
  }
  return snake;
}

json::value read_business_answer(BusinessSection section, bool one, std::string_view body) {
  json::value answer;
  try {
    answer = base::parse_json(body);
  } catch (const base::Error&) {
    throw no_answer("something that is not JSON");
  }
  const auto& data = unwrapped(answer);
  if (data.is_null() && !answer.is_null()) return nullptr;
  if (!one && is_list(section)) {
    const auto* list = list_in(data);
    if (list == nullptr) throw no_answer("no list where one belongs");
    return in_snake_case(*list);
  }
  if (!data.is_object()) throw no_answer("no object where one belongs");
  return in_snake_case(data);
}

std::string business_target(BusinessSection section, std::string_view id) {
  switch (section) {
    case BusinessSection::profile: return "/user/profile";
    case BusinessSection::foundation: return "/business/foundation";
    default: break;
  }
  auto target = fmt::format("/{}", base::name_of(section));
  if (!id.empty()) target += fmt::format("/{}", aws::percent_encode(id));
  return target;
}

}  // namespace coaching
