#pragma once
// An item's counters as columns: `number` is the first, `more_numbers` a JSON list of the others, NULL while all of them
// are zero, which they are in nearly every item.
#include <optional>
#include <string>

#include "store/sqlite_connection.hpp"
#include "store/store.hpp"

namespace store::sqlite {

std::optional<std::string> more_numbers(const Counters& counters);
// Of a row that has both columns side by side, `number` at `column`.
Counters counters_from(const Statement& row, int column);

}  // namespace store::sqlite
