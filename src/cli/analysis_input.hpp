#pragma once
// An analysis' request as it is given on the command line, and what its schema says of it.
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace cli {

// Puts "member=value" or "member.inner=value" into `input`. The value is text as it stands where the schema takes a text,
// else JSON; a list takes JSON, or one element each time. Throws UsageError.
void set_member(boost::json::object& input, const boost::json::value& schema, std::string_view assignment);

// Which required members are missing, what each must be, and a command line that has them all; "" when none is missing.
// `schema` has no references.
std::string explain_missing(std::string_view topic, const boost::json::value& schema, const boost::json::object& input);

}  // namespace cli
