#include "store/sqlite_counters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace store::sqlite {

std::optional<std::string> more_numbers(const Counters& counters) {
  if (std::ranges::none_of(counters.begin() + 1, counters.end(), [](auto number) { return number != 0; })) return {};
  return fmt::format("[{}]", fmt::join(counters.begin() + 1, counters.end(), ","));
}

Counters counters_from(const Statement& row, int column) {
  Counters counters{row.number(column)};
  const auto list = row.text(column + 1);
  const char* at = list.data();
  const char* end = at + list.size();
  for (std::size_t i = 1; i < counters.size() && at != end; ++i) {
    at = std::from_chars(at + 1, end, counters[i]).ptr;  // past '[' or ','
  }
  return counters;
}

}  // namespace store::sqlite
