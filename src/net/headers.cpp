#include "net/headers.hpp"

#include <algorithm>

namespace net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

void Headers::add(std::string_view name, std::string_view value) {
  fields_.push_back({text_.size(), name.size(), value.size()});
  text_ += name;
  text_ += value;
}

void Headers::clear() {
  text_.clear();
  fields_.clear();
}

std::string_view Headers::find(std::string_view name) const {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const auto [known, value] = (*this)[i];
    if (equal_ignoring_case(known, name)) return value;
  }
  return {};
}

std::pair<std::string_view, std::string_view> Headers::operator[](std::size_t index) const {
  const auto& field = fields_[index];
  const std::string_view text = text_;
  return {text.substr(field.begin, field.name_size), text.substr(field.begin + field.name_size, field.value_size)};
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace net
