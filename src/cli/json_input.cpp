#include "cli/json_input.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "base/json.hpp"
#include "cli/commands.hpp"

namespace cli {

base::json::value read_json_input(const std::string& file) {
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  if (file != "-" && !opened) throw UsageError(fmt::format("{} cannot be read", file));
  std::istream& in = file == "-" ? std::cin : opened;
  try {
    return base::parse_json(std::string(std::istreambuf_iterator<char>(in), {}));
  } catch (const base::Error& wrong) {
    throw UsageError(fmt::format("{}: {}", file == "-" ? "standard input" : file, wrong.message));
  }
}

}  // namespace cli
