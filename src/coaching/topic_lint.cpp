#include "coaching/topic_lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "coaching/analysis_lint.hpp"
#include "coaching/analysis_samples.hpp"
#include "coaching/business.hpp"
#include "coaching/script_lint.hpp"
#include "coaching/website.hpp"

namespace coaching {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t kLongPrompt = 32 * 1024;  // bytes; every turn pays for them

class Linter {
 public:
  explicit Linter(const Topic& topic) : topic_(topic) {
    prompts_ = {&topic.system, &topic.extraction, &topic.assessment, &topic.summary};
    if (topic.kind == TopicKind::conversation) prompts_.insert(prompts_.end(), {&topic.initiation, &topic.resume});
  }

  std::vector<LintFinding> run() {
    for (const auto* prompt : prompts_) check_variables(*prompt);
    check_stable();
    check_used();
    check_request_schema();
    check_defaults();
    add(lint_strict_schema(topic_.result_schema, file("result.schema.json")));
    add(lint_strict_schema(topic_.assessment_schema, "_shared/assessment.schema.json"));
    for (const bool all : {true, false}) {
      for (const auto* prompt : prompts_) check_renders(*prompt, all);
    }
    if (topic_.kind == TopicKind::conversation) {
      add(lint_script(topic_.offline, file("offline.yaml")));
    } else {
      add(lint_analysis(topic_));
    }
    if (topic_.description.empty()) fault(file("topic.yaml"), {}, Severity::warning, "has no description");
    return std::move(findings_);
  }

 private:
  std::string file(std::string_view name) const { return fmt::format("{}/{}", topic_.id, name); }

  void fault(std::string where, std::optional<std::size_t> line, Severity severity, std::string message) {
    findings_.push_back({std::move(where), line, severity, std::move(message)});
  }
  void add(std::vector<LintFinding> more) { findings_.insert(findings_.end(), more.begin(), more.end()); }

  static std::string first_part(std::string_view name) { return std::string(name.substr(0, name.find('.'))); }

  // Inside a section over a list or an object its members may be used; they are the data's, not the topic's.
  bool inside_data(const TemplateTag& tag) const {
    return std::any_of(tag.sections.begin(), tag.sections.end(), [&](const std::string& section) {
      const auto* parameter = topic_.parameter(first_part(section));
      return parameter == nullptr || parameter->type == "list" || parameter->type == "object";
    });
  }

  void check_variables(const Template& prompt) {
    std::vector<std::string> known;
    for (const auto& parameter : topic_.parameters) known.push_back(parameter.name);
    for (const auto& tag : prompt.tags()) {
      const auto name = first_part(tag.name);
      const auto* parameter = topic_.parameter(name);
      if (tag.name == "." ? !tag.sections.empty() : parameter != nullptr || inside_data(tag)) {
        if (parameter != nullptr) used_.insert(name);
        continue;
      }
      const auto near = base::nearest(name, known);
      fault(prompt.name(), tag.line, Severity::error,
            fmt::format("the variable '{}' is not declared in topic.yaml{}", tag.name,
                        near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
    }
  }

  void check_stable() {
    for (const auto& tag : topic_.system.tags()) {
      const auto* parameter = topic_.parameter(first_part(tag.name));
      if (parameter == nullptr || parameter->source != "conversation" || parameter->name == "language") continue;
      fault(topic_.system.name(), tag.line, Severity::error,
            fmt::format("'{}' changes from turn to turn, and the system prompt must not: no provider could cache it",
                        tag.name));
    }
  }

  void check_used() {
    for (const auto& parameter : topic_.parameters) {
      if (parameter.source == "computed" && parameter.name != "phases" && parameter.name != "topic_name") {
        fault(file("topic.yaml"), {}, Severity::error,
              fmt::format("nothing computes the parameter '{}'", parameter.name));
      }
      check_business(parameter);
      if (topic_.kind == TopicKind::conversation && is_website_source(parameter.source)) {
        fault(
            file("topic.yaml"), {}, Severity::error,
            fmt::format("the parameter '{}' comes from the website, which is read for analyses alone", parameter.name));
      }
      if (parameter.shared || used_.contains(parameter.name)) continue;
      fault(file("topic.yaml"), {}, Severity::warning,
            fmt::format("the parameter '{}' is declared but never used", parameter.name));
    }
  }

  void check_business(const Parameter& parameter) {
    const auto path = business_path(parameter.source);
    if (!path || names_section(parameter.source)) return;
    fault(file("topic.yaml"), {}, Severity::warning,
          fmt::format("the parameter '{}' comes from '{}', which is read as 'business.foundation.{}': write that, or "
                      "one of business.goals, .goal, .strategies, .measures, .actions, .issues, .people",
                      parameter.name, parameter.source, path->path));
  }

  void check_request_schema() {
    const auto where = file("request.schema.json");
    try {
      base::Schema compiled(base::resolve_references(topic_.request_schema, topic_.request_schema));
    } catch (const std::exception& error) {  // ours, or the schema library's own
      return fault(where, {}, Severity::error, error.what());
    }
    const auto* schema = topic_.request_schema.if_object();
    const auto* properties = schema == nullptr ? nullptr : schema->if_contains("properties");
    for (const auto& parameter : topic_.parameters) {
      if (parameter.source != "request") continue;
      const bool there =
          properties != nullptr && properties->is_object() && properties->get_object().contains(parameter.name);
      if (!there) {
        fault(where, {}, Severity::error,
              fmt::format("the parameter '{}' comes from the request, but is not here", parameter.name));
        continue;
      }
      check_property(parameter, *schema, properties->get_object().at(parameter.name), where);
    }
  }

  // The request's schema is what is enforced; what topic.yaml says of a parameter is what clients and templates go by.
  void check_property(const Parameter& parameter, const json::object& schema, const json::value& property,
                      const std::string& where) {
    const auto* named = property.is_object() ? property.get_object().if_contains("type") : nullptr;
    const auto* list = named == nullptr ? nullptr : named->if_array();
    const auto admits = [&](const json::value& type) {
      return type == "null" || type == json::value(json_type(parameter.type)) ||
             (parameter.type == "number" && type == "integer");
    };
    if (named != nullptr && !(list == nullptr ? admits(*named) : std::all_of(list->begin(), list->end(), admits))) {
      fault(where, {}, Severity::error,
            fmt::format("the parameter '{}' is a {} in topic.yaml, and something else here", parameter.name,
                        parameter.type));
    }
    const auto* required = schema.if_contains("required");
    const auto* names = required == nullptr ? nullptr : required->if_array();
    const bool enforced =
        names != nullptr && std::find(names->begin(), names->end(), json::value(parameter.name)) != names->end();
    if (parameter.required && !enforced) {
      fault(where, {}, Severity::error,
            fmt::format("the parameter '{}' is required, but not in 'required' here", parameter.name));
    }
  }

  static std::string_view json_type(std::string_view type) { return type == "list" ? "array" : type; }

  static bool is_of_type(const json::value& value, std::string_view type) {
    if (type == "string") return value.is_string();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_bool();
    return type == "list" ? value.is_array() : value.is_object();
  }

  void check_defaults() {
    for (const auto& parameter : topic_.parameters) {
      if (parameter.default_value.is_null() || is_of_type(parameter.default_value, parameter.type)) continue;
      fault(file("topic.yaml"), {}, Severity::error,
            fmt::format("the default value of '{}' is no {}", parameter.name, parameter.type));
    }
  }

  // What stands for a list or an object: the members that the prompt uses in it.
  json::value sample_element(const Template& prompt, const std::string& parameter) const {
    json::object members;
    for (const auto& tag : prompt.tags()) {
      const bool inside = std::find(tag.sections.begin(), tag.sections.end(), parameter) != tag.sections.end();
      if (inside && tag.name != "." && topic_.parameter(first_part(tag.name)) == nullptr)
        members[first_part(tag.name)] = "sample";
    }
    return members.empty() ? json::value("sample") : json::value(std::move(members));
  }

  json::value sample(const Template& prompt, const Parameter& parameter) const {
    if (parameter.source == "computed" && (parameter.name == "phases" || parameter.name == "topic_name")) {
      return computed_value(topic_, parameter.name);
    }
    if (parameter.source == kWebsiteSource) return sample_website(true, "sample");
    if (parameter.type == "number") return 7;
    if (parameter.type == "boolean") return true;
    if (parameter.type == "list")
      return json::array{sample_element(prompt, parameter.name), sample_element(prompt, parameter.name)};
    if (parameter.type == "object") return sample_element(prompt, parameter.name);
    return "sample";
  }

  void check_renders(const Template& prompt, bool all) {
    json::object values;
    for (const auto& parameter : topic_.parameters) {
      const bool given = all || parameter.required;
      values[parameter.name] = given ? sample(prompt, parameter) : parameter.default_value;
    }
    try {
      const auto text = prompt.render(values);
      if (text.find_first_not_of(" \n\t") == std::string::npos)
        fault(prompt.name(), {}, Severity::error, "renders as nothing");
      if (text.size() > kLongPrompt) {
        fault(prompt.name(), {}, Severity::warning,
              fmt::format("renders as {} KB, and every turn pays for it", text.size() / 1024));
      }
    } catch (const base::Error& error) {
      // An undeclared variable has been reported with its line already.
      const bool known = std::any_of(findings_.begin(), findings_.end(), [&](const LintFinding& finding) {
        return finding.file == prompt.name() && finding.severity == Severity::error;
      });
      if (!known) fault(prompt.name(), {}, Severity::error, error.message);
    }
  }

  const Topic& topic_;
  std::vector<const Template*> prompts_;
  std::set<std::string> used_;
  std::vector<LintFinding> findings_;
};

}  // namespace

LintFinding finding_of(const base::Error& error) {
  const auto& message = error.message;
  const auto split = message.find(": ");
  if (split == std::string::npos) return {"", std::nullopt, Severity::error, message};
  auto where = message.substr(0, split);
  LintFinding finding{where, std::nullopt, Severity::error, message.substr(split + 2)};
  const auto colon = where.rfind(':');
  const auto digits = colon == std::string::npos ? std::string() : where.substr(colon + 1);
  if (!digits.empty() && digits.size() < 9 && digits.find_first_not_of("0123456789") == std::string::npos) {
    finding.file = where.substr(0, colon);
    finding.line = std::stoul(digits);
  }
  return finding;
}

std::vector<LintFinding> lint(const Topic& topic) { return Linter(topic).run(); }

std::vector<LintFinding> lint_folder(const std::string& directory) {
  std::vector<LintFinding> findings;
  std::vector<std::string> folders;
  std::error_code failed;
  for (fs::directory_iterator entry(directory, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->is_directory() && entry->path().filename() != "_shared") folders.push_back(entry->path().string());
  }
  if (failed || folders.empty()) {
    findings.push_back({directory, {}, Severity::error, failed ? failed.message() : "holds no topic"});
    return findings;
  }
  std::sort(folders.begin(), folders.end());
  for (const auto& folder : folders) {
    try {
      const auto shared = shared_topic_files(directory);
      for (auto& finding : lint(read_topic(read_topic_folder(folder), shared, folder))) {
        const bool seen = std::any_of(findings.begin(), findings.end(), [&](const LintFinding& other) {
          return other.file == finding.file && other.line == finding.line && other.message == finding.message;
        });
        if (!seen) findings.push_back(std::move(finding));
      }
    } catch (const base::Error& error) {
      findings.push_back(finding_of(error));
    }
  }
  return findings;
}

}  // namespace coaching
