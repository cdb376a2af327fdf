#pragma once
// How often members stand in a JSON text, and how many a parser kept of it: of two with one name it keeps the last, and
// which of them was meant nobody knows. The two counts differ when, and only when, a name stands twice in one object.
// Pure functions, any thread.
#include <string_view>

#include "base/json.hpp"

namespace base {

// Of a text that is valid JSON.
std::size_t members_written(std::string_view text);

// Of a value and all that is in it.
std::size_t members_kept(const json::value& value);

}  // namespace base
