#pragma once
#include <boost/json/value.hpp>
#include <string>

namespace cli {

// The JSON in a file, or on standard input for "-". Throws UsageError naming the file when it cannot be read or is none.
boost::json::value read_json_input(const std::string& file);

}  // namespace cli
