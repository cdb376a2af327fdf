#include "base/config_file.hpp"

#include <yaml-cpp/yaml.h>

#include <set>

namespace base {
namespace {

using Entries = std::vector<YamlEntry>;

int line_of(const YAML::Mark& mark) { return mark.line + 1; }

void read_list(const YAML::Node& node, YamlEntry entry, Entries& out) {
  entry.kind = YamlEntry::Kind::list;
  for (const auto& element : node) {
    if (!element.IsScalar())
      entry.fault = entry.key + " must be a list of plain values";
    else
      entry.values.push_back(element.Scalar());
  }
  out.push_back(std::move(entry));
}

void read_map(const YAML::Node& map, const std::string& above, Entries& out);

void read_node(const YAML::Node& node, YamlEntry entry, Entries& out) {
  if (node.IsMap()) {
    const auto key = entry.key;
    entry.kind = YamlEntry::Kind::section;
    out.push_back(std::move(entry));
    read_map(node, key, out);
  } else if (node.IsSequence()) {
    read_list(node, std::move(entry), out);
  } else if (node.IsScalar()) {
    entry.values.push_back(node.Scalar());
    out.push_back(std::move(entry));
  } else {
    entry.kind = YamlEntry::Kind::nothing;
    out.push_back(std::move(entry));
  }
}

void read_map(const YAML::Node& map, const std::string& above, Entries& out) {
  std::set<std::string> seen;
  for (const auto& pair : map) {
    YamlEntry entry{.line = line_of(pair.first.Mark())};
    if (!pair.first.IsScalar()) {
      entry.key = above;
      entry.fault = "a setting's name must be plain text";
      out.push_back(std::move(entry));
      continue;
    }
    const auto& name = pair.first.Scalar();
    entry.key = above.empty() ? name : above + "." + name;
    if (!seen.insert(name).second) entry.fault = entry.key + " is here twice; keep one of them";
    if (entry.fault.empty()) {
      read_node(pair.second, std::move(entry), out);
    } else {
      out.push_back(std::move(entry));
    }
  }
}

}  // namespace

std::vector<YamlEntry> read_yaml(const std::filesystem::path& path) {
  Entries out;
  try {
    const auto root = YAML::LoadFile(path.string());
    if (root.IsMap()) {
      read_map(root, "", out);
    } else if (root.IsDefined() && !root.IsNull()) {
      out.push_back({.line = 1, .fault = "must hold settings as `key: value` lines"});
    }
  } catch (const YAML::BadFile&) {
    out.push_back({.fault = "this configuration file cannot be read; check its path and permissions"});
  } catch (const YAML::Exception& wrong) {
    out.push_back({.line = line_of(wrong.mark), .fault = "is not YAML: " + wrong.msg});
  }
  return out;
}

}  // namespace base
