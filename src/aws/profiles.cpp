#include "aws/profiles.hpp"

#include <fstream>
#include <functional>

#include "base/text.hpp"

namespace aws {
namespace {

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// Where the values of "[header]" belong; nullptr for a section that says nothing to us.
using Place = std::function<Profile::Values*(std::string_view header)>;

void read_sections(std::string_view text, const Place& place) {
  Profile::Values* values = nullptr;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto trimmed = base::trim(line);
    // What is indented belongs to a nested section, such as "s3 =".
    if (trimmed.empty() || trimmed.front() == '#' || trimmed.front() == ';' || line.front() == ' ' ||
        line.front() == '\t') {
      continue;
    }
    const auto equals = trimmed.find('=');
    if (trimmed.front() == '[') {
      const auto close = trimmed.find(']');
      values = close != trimmed.npos ? place(base::trim(trimmed.substr(1, close - 1))) : nullptr;
    } else if (values != nullptr && equals != trimmed.npos) {
      (*values)[base::to_lower(base::trim(trimmed.substr(0, equals)))] = base::trim(trimmed.substr(equals + 1));
    }
  }
}

std::filesystem::path path_of(const Surroundings& surroundings, std::string_view variable, const char* name) {
  const auto set = surroundings.find(variable);
  if (set.starts_with("~/")) return surroundings.home / set.substr(2);
  if (!set.empty()) return set;
  return surroundings.home / ".aws" / name;
}

}  // namespace

std::string Profile::find(std::string_view name) const {
  for (const auto* values : {&shared, &config}) {
    if (const auto found = values->find(name); found != values->end()) return found->second;
  }
  return {};
}

const Profile* Profiles::find(std::string_view name) const {
  const auto found = profiles.find(name);
  return found != profiles.end() ? &found->second : nullptr;
}

Profiles read_profiles(const Surroundings& surroundings) {
  Profiles out;
  const auto shared = path_of(surroundings, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const auto config = path_of(surroundings, "AWS_CONFIG_FILE", "config");
  out.shared_path = shared.string();
  out.config_path = config.string();
  read_sections(read_small_file(shared),
                [&](std::string_view header) { return &out.profiles[std::string(unquoted(header))].shared; });
  read_sections(read_small_file(config), [&](std::string_view header) -> Profile::Values* {
    const auto space = header.find_first_of(" \t");
    const auto kind = header.substr(0, space);
    const auto name = space == header.npos ? std::string() : std::string(unquoted(base::trim(header.substr(space))));
    if (header == "default") return &out.profiles["default"].config;
    if (kind == "profile" && !name.empty()) return &out.profiles[name].config;
    if (kind == "sso-session" && !name.empty()) return &out.sso_sessions[name];
    return nullptr;
  });
  return out;
}

std::string read_small_file(const std::filesystem::path& path) {
  constexpr std::size_t kMost = 1024 * 1024;
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed) && !std::filesystem::is_fifo(path, failed)) return {};
  std::ifstream file(path, std::ios::binary);
  std::string text(kMost, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace aws
