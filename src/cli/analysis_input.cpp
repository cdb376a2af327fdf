#include "cli/analysis_input.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"

namespace cli {
namespace {

namespace json = base::json;

const json::value& member_of(const json::value& schema, std::string_view name) {
  static const json::value kNothing;
  const auto* object = schema.if_object();
  const auto* member = object != nullptr ? object->if_contains(name) : nullptr;
  return member != nullptr ? *member : kNothing;
}

std::string_view text_of(const json::value& value) {
  return value.is_string() ? std::string_view(value.get_string()) : std::string_view();
}

bool takes(const json::value& schema, std::string_view type) {
  const auto& types = member_of(schema, "type");
  if (types.is_array()) return std::ranges::find(types.get_array(), json::value(type)) != types.get_array().end();
  return text_of(types) == type;
}

bool is_required(const json::value& schema, std::string_view name) {
  const auto& required = member_of(schema, "required");
  return required.is_array() &&
         std::ranges::find(required.get_array(), json::value(name)) != required.get_array().end();
}

std::vector<std::string_view> names_in(const json::value& schema) {
  std::vector<std::string_view> names;
  if (const auto* properties = member_of(schema, "properties").if_object()) {
    for (const auto& property : *properties) names.emplace_back(property.key());
  }
  return names;
}

void need_known(const json::value& schema, std::string_view name, std::string_view path) {
  const auto names = names_in(schema);
  if (std::ranges::find(names, name) != names.end() ||
      member_of(schema, "additionalProperties") != json::value(false)) {
    return;
  }
  const auto near = base::nearest(name, names);
  throw UsageError(fmt::format(
      "--set {}: there is no member {}; {}", path, name,
      near.empty() ? fmt::format("there are {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near)));
}

json::value value_for(const json::value& schema, std::string_view text, std::string_view path) {
  if (takes(schema, "string")) return json::value(text);
  const bool typed = !member_of(schema, "type").is_null();
  try {
    return base::parse_json(text);
  } catch (const base::Error&) {
    if (typed) {
      throw UsageError(
          fmt::format("--set {}: must be {}, written as JSON", path, base::write_json(member_of(schema, "type"))));
    }
  }
  return json::value(text);
}

// A list as JSON, or one more element.
void put(json::object& into, std::string_view name, const json::value& schema, std::string_view text,
         std::string_view path) {
  if (!takes(schema, "array") || base::trim(text).starts_with('[')) {
    into[name] = value_for(schema, text, path);
    return;
  }
  auto& list = into[name];
  if (!list.is_array()) list = json::array();
  list.get_array().push_back(value_for(member_of(schema, "items"), text, path));
}

// What a value of this schema may look like.
json::value example_of(const json::value& schema) {
  if (const auto* values = member_of(schema, "enum").if_array(); values != nullptr && !values->empty()) {
    return values->front();
  }
  if (takes(schema, "string")) {
    if (text_of(member_of(schema, "format")) == "date") return "2027-03-01";
    const auto words = text_of(member_of(schema, "description"));
    return json::value(words.empty() ? std::string_view("…") : words);
  }
  if (takes(schema, "array")) return json::array{example_of(member_of(schema, "items"))};
  if (takes(schema, "boolean")) return true;
  if (takes(schema, "number") || takes(schema, "integer")) {
    const auto& least = member_of(schema, "minimum");
    return least.is_null() ? json::value(1) : least;
  }
  json::object example;
  for (const auto name : names_in(schema)) {
    if (is_required(schema, name)) example[name] = example_of(member_of(member_of(schema, "properties"), name));
  }
  return example;
}

std::string quoted_for_shell(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-=.:/";
  if (text.find_first_not_of(kPlain) == text.npos) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + '\'';
}

std::string assignment_of(std::string_view name, const json::value& value) {
  const auto text = value.is_string() ? std::string(value.get_string()) : base::write_json(value);
  return quoted_for_shell(fmt::format("{}={}", name, text));
}

// "Which analysis to make: swot, root_cause, action_plan"
std::string demand(std::string_view name, const json::value& schema) {
  std::string text(text_of(member_of(schema, "description")));
  if (const auto* values = member_of(schema, "enum").if_array()) {
    std::vector<std::string_view> words;
    for (const auto& value : *values) words.push_back(text_of(value));
    text += fmt::format("{}{}", text.empty() ? "" : ": ", fmt::join(words, ", "));
  } else if (takes(schema, "array")) {
    text += text.empty() ? "a list" : " (a list)";
  }
  return fmt::format("  {}{}{}\n", name, text.empty() ? "" : "  ", text);
}

}  // namespace

void set_member(json::object& input, const json::value& schema, std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == 0 || equals == assignment.npos) {
    throw UsageError(fmt::format("--set {}: write member=value", assignment.substr(0, equals)));
  }
  const auto path = assignment.substr(0, equals);
  auto* into = &input;
  const auto* level = &schema;
  auto rest = path;
  for (auto dot = rest.find('.'); dot != rest.npos; dot = rest.find('.')) {
    const auto name = rest.substr(0, dot);
    need_known(*level, name, path);
    level = &member_of(member_of(*level, "properties"), name);
    auto& inner = (*into)[name];
    if (!inner.is_object()) inner = json::object();
    into = &inner.get_object();
    rest.remove_prefix(dot + 1);
  }
  need_known(*level, rest, path);
  put(*into, rest, member_of(member_of(*level, "properties"), rest), assignment.substr(equals + 1), path);
}

std::string explain_missing(std::string_view topic, const json::value& schema, const json::object& input) {
  std::vector<std::string_view> missing;
  std::vector<std::string> optional;
  std::string demands;
  std::string example = fmt::format("purposepath analyze {}", topic);
  for (const auto name : names_in(schema)) {
    const auto& member = member_of(member_of(schema, "properties"), name);
    if (!is_required(schema, name)) {
      for (const auto inner : names_in(member)) optional.push_back(fmt::format("{}.{}", name, inner));
      if (names_in(member).empty()) optional.emplace_back(name);
      continue;
    }
    const auto* given = input.if_contains(name);
    example += " --set " + assignment_of(name, given != nullptr ? *given : example_of(member));
    if (given != nullptr) continue;
    missing.push_back(name);
    demands += demand(name, member);
  }
  if (missing.empty()) return "";
  auto text = fmt::format("the analysis {} needs {}:\n{}", topic, fmt::join(missing, ", "), demands);
  if (!optional.empty()) text += fmt::format("It also takes {}.\n", fmt::join(optional, ", "));
  return text + "For example:\n  " + example;
}

}  // namespace cli
