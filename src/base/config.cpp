#include "base/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/config_file.hpp"

namespace base {
namespace {

constexpr std::string_view kPrefix = "PURPOSEPATH_";

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
// Largest first, for printing; "ms" stands before "m" for reading.
constexpr std::array<Unit, 5> kUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"ms", 1}, {"m", 60'000}, {"s", 1'000}}};
constexpr std::array<Unit, 5> kPrinted{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

[[noreturn]] void refuse(std::string_view allowed) { throw Error(Code::validation_error, std::string(allowed)); }

constexpr std::string_view kDurationForm = "must be a duration such as 250ms, 30s, 15m, 12h or 14d, or off";

// Takes one "15m" from the front.
Milliseconds take_duration(std::string_view& text) {
  std::int64_t count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failed != std::errc() || count < 0) refuse(kDurationForm);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  for (const auto& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    if (count > std::numeric_limits<std::int64_t>::max() / 1'000'000 / unit.milliseconds) refuse(kDurationForm);
    return Milliseconds(count * unit.milliseconds);
  }
  refuse(kDurationForm);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto part = trim(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

bool parse_bool(std::string_view text) {
  const auto lower = to_lower(text);
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return true;
  if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return false;
  refuse("must be true or false");
}

template <class Number>
Number parse_number(std::string_view text, std::string_view allowed) {
  Number number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || !(number >= 0)) refuse(allowed);
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(number)) refuse(allowed);
  }
  return number;
}

// Settings count, measure or limit something: no setting means anything below zero.
struct Assign {
  std::string_view text;

  void operator()(std::string* out) const { *out = text; }
  void operator()(Secret* out) const { *out = Secret(std::string(text)); }
  void operator()(int* out) const {
    *out = parse_number<int>(text, fmt::format("must be a whole number from 0 to {}", std::numeric_limits<int>::max()));
  }
  void operator()(std::int64_t* out) const {
    *out = parse_number<std::int64_t>(text, "must be a whole number, 0 or more");
  }
  void operator()(double* out) const { *out = parse_number<double>(text, "must be a number, 0 or more"); }
  void operator()(bool* out) const { *out = parse_bool(text); }
  void operator()(Milliseconds* out) const { *out = parse_duration(text); }
  void operator()(std::vector<std::string>* out) const { *out = split_list(text); }
  void operator()(const EnumTarget& out) const {
    const auto found = std::ranges::find(out.names, text);
    if (found == out.names.end()) {
      const auto near = nearest(text, out.names);
      refuse(fmt::format("must be one of {}{}", fmt::join(out.names, ", "),
                         near.empty() ? "" : fmt::format("; did you mean {}?", near)));
    }
    out.assign(out.value, static_cast<std::size_t>(found - out.names.begin()));
  }
};

struct Show {
  std::string operator()(const std::string* in) const { return *in; }
  std::string operator()(const Secret* in) const { return in->empty() ? "" : "********"; }
  std::string operator()(const bool* in) const { return *in ? "true" : "false"; }
  std::string operator()(const Milliseconds* in) const { return format_duration(*in); }
  std::string operator()(const std::vector<std::string>* in) const { return fmt::format("{}", fmt::join(*in, ",")); }
  std::string operator()(const EnumTarget& in) const {
    const auto index = in.index(in.value);
    return index < in.names.size() ? std::string(in.names[index]) : "?";
  }
  template <class Number>
  std::string operator()(const Number* in) const {
    return fmt::format("{}", *in);
  }
};

std::string_view last_part(std::string_view key) { return key.substr(key.rfind('.') + 1); }

// A name that exists elsewhere ("port" for "http.port") says more than one spelled alike.
std::string suggestion(std::string_view key, std::span<const Setting> settings) {
  std::vector<std::string> keys;
  std::vector<std::string> same_name;
  for (const auto& setting : settings) {
    keys.push_back(setting.key);
    if (last_part(setting.key) == last_part(key)) same_name.push_back(setting.key);
  }
  return same_name.size() == 1 ? same_name.front() : nearest(key, keys);
}

}  // namespace

Milliseconds parse_duration(std::string_view text) {
  text = trim(text);
  if (text == "off" || text == "0") return Milliseconds(0);
  if (text.empty()) refuse(kDurationForm);
  Milliseconds total{0};
  while (!text.empty()) total += take_duration(text);
  return total;
}

std::string format_duration(Milliseconds duration) {
  if (duration.count() == 0) return "off";
  for (const auto& unit : kPrinted) {
    if (duration.count() % unit.milliseconds == 0)
      return fmt::format("{}{}", duration.count() / unit.milliseconds, unit.name);
  }
  return fmt::format("{}ms", duration.count());
}

std::string Setting::shown() const { return std::visit(Show{}, target); }

std::string variable_name(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) {
    if (c == '.') {
      name += "__";
    } else {
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return name;
}

// A member that would be a C++ keyword ends in '_' (`default_`); its setting does not.
std::string Config::below(const std::string& key, std::string_view member) {
  if (member.ends_with('_')) member.remove_suffix(1);
  return key.empty() ? std::string(member) : fmt::format("{}.{}", key, member);
}

const Setting* Config::find(std::string_view key) const {
  const auto found = std::ranges::find(settings_, key, &Setting::key);
  return found == settings_.end() ? nullptr : &*found;
}

void Config::unknown(std::string_view key, std::string_view origin, std::string_view written) {
  const auto near = suggestion(key, settings_);
  const bool as_variable = written.starts_with(kPrefix);
  faults_.push_back(
      {std::string(key),
       fmt::format("{}: there is no setting {}{}", origin, written,
                   near.empty() ? "; see `purposepath config show` for all of them"
                                : fmt::format("; did you mean {}?", as_variable ? variable_name(near) : near))});
}

Setting* Config::known(std::string_view key, std::string_view origin, std::string_view written) {
  const auto found = std::ranges::find(settings_, key, &Setting::key);
  if (found != settings_.end()) return &*found;
  unknown(key, origin, written);
  return nullptr;
}

void Config::set(std::string_view key, std::string_view text, std::string_view origin) {
  const bool from_environment = origin.starts_with(kPrefix);
  auto* setting = known(key, from_environment ? "environment" : origin, from_environment ? origin : key);
  if (setting == nullptr) return;
  try {
    std::visit(Assign{text}, setting->target);
    setting->origin = origin;
  } catch (const Error& refused) {
    // The text itself is not repeated: it may be a secret that landed in the wrong place.
    faults_.push_back({std::string(key), fmt::format("{}: {} {}", origin, key, refused.message)});
  }
}

void Config::set_list(std::string_view key, std::vector<std::string> values, std::string_view origin) {
  auto* setting = known(key, origin, key);
  if (setting == nullptr) return;
  if (auto** list = std::get_if<std::vector<std::string>*>(&setting->target)) {
    **list = std::move(values);
    setting->origin = origin;
  } else {
    faults_.push_back({std::string(key), fmt::format("{}: {} must be one value, not a list", origin, key)});
  }
}

void Config::read_environment(std::span<const std::string> entries, std::span<const std::string_view> ignored) {
  for (const auto& entry : entries) {
    if (!entry.starts_with(kPrefix)) continue;
    const auto equals = entry.find('=');
    const auto name = std::string_view(entry).substr(0, equals);
    if (equals == std::string::npos || std::ranges::find(ignored, name) != ignored.end()) continue;
    std::string key = to_lower(name.substr(kPrefix.size()));
    for (auto at = key.find("__"); at != std::string::npos; at = key.find("__", at)) key.replace(at, 2, ".");
    set(key, std::string_view(entry).substr(equals + 1), name);
  }
}

void Config::read_file(const std::filesystem::path& path) {
  for (auto& entry : read_yaml(path)) {
    const auto origin = fmt::format("{}:{}", path.string(), entry.line);
    const auto is_section = [&] {
      return std::ranges::any_of(settings_, [&](const Setting& s) { return s.key.starts_with(entry.key + "."); });
    };
    if (!entry.fault.empty()) {
      faults_.push_back({entry.key, fmt::format("{}: {}", origin, entry.fault)});
    } else if (entry.kind == YamlEntry::Kind::list) {
      set_list(entry.key, std::move(entry.values), origin);
    } else if (entry.kind == YamlEntry::Kind::scalar) {
      set(entry.key, entry.values.front(), origin);
    } else if (entry.kind == YamlEntry::Kind::section && find(entry.key) != nullptr) {
      faults_.push_back({entry.key, fmt::format("{}: {} is one value and has nothing below it", origin, entry.key)});
    } else if (entry.kind == YamlEntry::Kind::nothing && !is_section()) {
      // A section whose lines are all commented out is fine; a setting without a value is not.
      if (known(entry.key, origin, entry.key) == nullptr) continue;
      faults_.push_back(
          {entry.key, fmt::format("{}: {} has no value; write \"\" for an empty one", origin, entry.key)});
    }
  }
}

void Config::fault(std::string_view key, std::string_view message, std::string_view origin) {
  const auto* setting = find(key);
  if (origin.empty()) origin = setting == nullptr ? "default" : std::string_view(setting->origin);
  faults_.push_back({std::string(key), fmt::format("{}: {} {}", origin, key, message)});
}

void Config::check() const {
  if (faults_.empty()) return;
  boost::json::array details;
  std::string text =
      faults_.size() == 1 ? "a setting is wrong:" : fmt::format("{} settings are wrong:", faults_.size());
  for (const auto& fault : faults_) {
    details.push_back({{"field", fault.key}, {"message", fault.message}});
    text += "\n  " + fault.message;
  }
  throw ConfigError(Code::validation_error, text, std::move(details));
}

}  // namespace base
