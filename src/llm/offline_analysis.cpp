#include "llm/offline_analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "llm/offline_analysis_script.hpp"

namespace llm::offline {
namespace {

[[noreturn]] void fail(std::string_view what) {
  throw base::Error(base::Code::llm_error, fmt::format("the offline coach cannot make this analysis: {}", what));
}

const json::value* at_path(const json::value& input, std::string_view path) {
  const json::value* at = &input;
  while (at != nullptr && !path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    at = member_of(*at, path.substr(0, dot));
    path.remove_prefix(std::min(path.size(), dot + 1));
  }
  return at;
}

void fill(const AnalysisScript& script, const json::value& input, Run& run) {
  run.globals.resize(script.scope.globals.size());
  run.globals[0] = json::value(kByRules);
  for (const auto& read : script.reads) {
    for (const auto& path : read.paths) {
      const auto* found = at_path(input, path);
      if (found == nullptr || !(is_something(*found) || found->is_number())) continue;
      run.globals[read.global] = *found;
      break;
    }
  }
  for (const auto& [global, rows] : script.tables) run.globals[global] = rows;
  for (const auto& fact : script.facts) run.globals[fact.global] = fact.shape.value(run);
}

// To the schema ---------------------------------------------------------------------------------------------------------

class Fitter {
 public:
  explicit Fitter(const json::value& schema) : document_(schema) {}

  json::value fit(json::value value, const json::value& rule, const std::string& path) const {
    const auto& schema = resolve(rule);
    if (const auto* options = member_of(schema, "anyOf")) return fit_any(std::move(value), options->as_array(), path);
    if (value.is_string() && base::trim(value.get_string()).empty()) value = nullptr;
    if (value.is_null() && allows(schema, "null")) return nullptr;
    if (allows(schema, "array")) return fit_list(std::move(value), schema, path);
    if (allows(schema, "object") && value.is_object()) return fit_object(std::move(value), schema, path);
    return fit_scalar(std::move(value), schema, path);
  }

 private:
  const json::value& resolve(const json::value& schema) const {
    const auto* reference = member_of(schema, "$ref");
    if (reference == nullptr) return schema;
    json::error_code failed;
    const auto* target = document_.find_pointer(std::string_view(reference->get_string()).substr(1), failed);
    if (target == nullptr) fail("its result schema has a reference that leads nowhere");
    return *target;
  }

  static bool allows(const json::value& schema, std::string_view type) {
    const auto* named = member_of(schema, "type");
    if (named == nullptr) return false;
    if (const auto* list = named->if_array()) {
      return std::any_of(list->begin(), list->end(), [&](const json::value& one) { return one == json::value(type); });
    }
    return *named == json::value(type);
  }

  // The option whose members the value has.
  json::value fit_any(json::value value, const json::array& options, const std::string& path) const {
    for (const auto& option : options) {
      const auto& schema = resolve(option);
      if (value.is_null()     ? allows(schema, "null")
          : value.is_object() ? has_members(value, schema)
                              : !allows(schema, "object") && !allows(schema, "null")) {
        return fit(std::move(value), schema, path);
      }
    }
    fail(fmt::format("{} fits none of the forms that its result schema allows", path));
  }

  static bool has_members(const json::value& value, const json::value& schema) {
    const auto* properties = member_of(schema, "properties");
    if (!allows(schema, "object") || properties == nullptr) return false;
    for (const auto& property : properties->get_object()) {
      if (member_of(value, property.key()) == nullptr) return false;
    }
    return true;
  }

  json::value fit_list(json::value value, const json::value& schema, const std::string& path) const {
    json::array list;
    const auto* most = member_of(schema, "maxItems");
    const auto* least = member_of(schema, "minItems");
    const auto& items = schema.at("items");
    json::array given;
    if (auto* all = value.if_array()) {
      given = std::move(*all);
    } else if (!value.is_null()) {
      given.push_back(std::move(value));
    }
    for (auto& element : given) {
      if (most != nullptr && list.size() >= most->to_number<std::size_t>()) break;
      if (element.is_null() && !allows(resolve(items), "null")) continue;
      list.push_back(fit(std::move(element), items, path + "[]"));
    }
    if (least != nullptr && list.size() < least->to_number<std::size_t>()) {
      fail(fmt::format("{} has {} entries, and its result schema wants {} or more", path, list.size(),
                       least->to_number<std::size_t>()));
    }
    return list;
  }

  json::value fit_object(json::value value, const json::value& schema, const std::string& path) const {
    json::object fitted;
    auto& given = value.get_object();
    for (const auto& [name, property] : schema.at("properties").as_object()) {
      auto* member = given.if_contains(name);
      const auto below = path.empty() ? std::string(name) : fmt::format("{}.{}", path, std::string_view(name));
      fitted[name] = fit(member == nullptr ? json::value() : std::move(*member), property, below);
    }
    return fitted;
  }

  static json::value fit_scalar(json::value value, const json::value& schema, const std::string& path) {
    if (allows(schema, "integer") && value.is_number())
      value = static_cast<std::int64_t>(std::llround(number_of(value)));
    const bool text = allows(schema, "string") || member_of(schema, "enum") != nullptr;
    if (text && !allows(schema, "boolean") && !allows(schema, "integer") && !allows(schema, "number") &&
        !value.is_null()) {
      value = json::value(text_of(value));
    }
    if (const auto* options = member_of(schema, "enum")) {
      const auto& list = options->get_array();
      if (std::find(list.begin(), list.end(), value) == list.end()) {
        fail(fmt::format("{} is not one of the words that its result schema allows", path));
      }
    } else if (const auto* only = member_of(schema, "const"); only != nullptr && value != *only) {
      fail(fmt::format("{} is not what its result schema wants", path));
    }
    const bool good = member_of(schema, "type") == nullptr || (value.is_string() && allows(schema, "string")) ||
                      (value.is_int64() && allows(schema, "integer")) ||
                      (value.is_number() && allows(schema, "number")) ||
                      (value.is_bool() && allows(schema, "boolean")) || (value.is_null() && allows(schema, "null"));
    if (!good) fail(fmt::format("{} is {} and must not be", path, value.is_null() ? "empty" : "of another type"));
    return value;
  }

  const json::value& document_;
};

// Scripts ---------------------------------------------------------------------------------------------------------------

struct Kept {
  json::value source;  // a copy: the script's views point into it
  AnalysisScript script;
};

constexpr std::size_t kMostKept = 64;  // more than there are analyses; each is some hundred KB at most

// Reading a script takes as long as an answer, so each thread keeps those it has read. A topic's script may be another
// one the next time, at the same address: what decides is that it says the same.
const AnalysisScript& kept_script(const json::value& source) {
  thread_local std::vector<std::unique_ptr<Kept>> kept;  // those used last stand last
  const auto found = std::find_if(kept.begin(), kept.end(), [&](const auto& one) { return one->source == source; });
  if (found != kept.end()) {
    std::rotate(found, found + 1, kept.end());
    return kept.back()->script;
  }
  auto fresh = std::make_unique<Kept>(Kept{source, {}});
  std::vector<ScriptFault> faults;
  fresh->script = read_analysis_script(fresh->source, faults);
  if (!faults.empty()) fail(fmt::format("offline.yaml: {}: {}", faults.front().where, faults.front().message));
  if (kept.size() >= kMostKept) kept.erase(kept.begin());
  kept.push_back(std::move(fresh));
  return kept.back()->script;
}

}  // namespace

json::value analysis_of(const json::value* script, const json::value* input, const json::value* schema) {
  if (script == nullptr || !script->is_object()) fail("its topic has no offline.yaml");
  if (schema == nullptr || !schema->is_object()) fail("it has no result schema");
  const auto& read = kept_script(*script);
  Run run(read.signals);
  fill(read, input == nullptr ? json::value() : *input, run);
  return Fitter(*schema).fit(read.result.value(run), *schema, "");
}

}  // namespace llm::offline
