#pragma once
// How a structured result is shown to a person.
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace cli {

// "core_values" -> "Core values".
std::string label(std::string_view name);

// An indented outline of any JSON, member names as headings, wrapped at `width` columns. Scores from 0 to 100 get a bar,
// lists of small things become a table, and of larger ones the first text is the heading. What is empty is left out.
std::string outline(const boost::json::value& value, std::size_t width);

}  // namespace cli
