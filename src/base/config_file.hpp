#pragma once
// A YAML file as a flat list of dotted keys with their lines.
#include <filesystem>
#include <string>
#include <vector>

namespace base {

struct YamlEntry {
  enum class Kind { scalar, list, section, nothing };
  std::string key;  // "http.port"
  int line = 0;     // from 1
  Kind kind = Kind::scalar;
  std::vector<std::string> values;  // one for a scalar, any number for a list
  std::string fault;                // set when this entry cannot be read; for a person
};

// Never throws for the file's content: what cannot be read is an entry with a fault.
std::vector<YamlEntry> read_yaml(const std::filesystem::path& path);

}  // namespace base
