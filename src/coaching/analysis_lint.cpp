#include "coaching/analysis_lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "coaching/analysis_samples.hpp"
#include "coaching/structured.hpp"
#include "coaching/website.hpp"
#include "llm/offline_analysis.hpp"
#include "llm/offline_analysis_script.hpp"

namespace coaching {
namespace {

namespace json = boost::json;

class AnalysisLinter {
 public:
  explicit AnalysisLinter(const Topic& topic) : topic_(topic) {}

  std::vector<LintFinding> run() {
    check_fields();
    check_result_names();
    check_website();
    check_marks();
    check_example();
    if (check_script()) check_answers();
    if (topic_.category.empty()) add("topic.yaml", {}, Severity::warning, "has no category to be grouped by");
    return std::move(findings_);
  }

 private:
  void add(std::string_view file, std::optional<std::size_t> line, Severity severity, std::string message) {
    findings_.push_back({fmt::format("{}/{}", topic_.id, file), line, severity, std::move(message)});
  }

  // The line of offline.yaml on which `text` stands; folded texts are found by their beginning.
  std::optional<std::size_t> line_of(std::string_view text) const {
    const std::string_view source = topic_.offline_source;
    text = text.substr(0, text.find('\n'));
    for (const std::size_t length : {text.size(), std::size_t{40}, std::size_t{16}}) {
      if (text.empty() || length > text.size()) continue;
      const auto at = source.find(text.substr(0, length));
      if (at == std::string_view::npos) continue;
      return 1 + static_cast<std::size_t>(
                     std::count(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    }
    return std::nullopt;
  }

  void check_fields() {
    const auto* properties = member(topic_.request_schema, "properties");
    if (properties == nullptr || !properties->is_object()) return;
    for (const auto& property : properties->get_object()) {
      const auto* parameter = topic_.parameter(property.key());
      if (parameter != nullptr && parameter->source == "request") continue;
      add("topic.yaml", {}, Severity::error,
          fmt::format("the request's field '{}' is not among the parameters (source: request), so no prompt can use it",
                      std::string_view(property.key())));
    }
  }

  // A result's members stand beside these in every answer.
  void check_result_names() {
    const auto* properties = member(topic_.result_schema, "properties");
    if (properties == nullptr) return;
    for (const std::string_view name : {"analysis_id", "analysis_type", "created_at", "metadata"}) {
      if (member(*properties, name) == nullptr) continue;
      add("result.schema.json", {}, Severity::error,
          fmt::format("'{}' is a member that every analysis has; name it otherwise", name));
    }
  }

  // Without the field that names the page there is none to read.
  void check_website() {
    const bool wanted = std::any_of(topic_.parameters.begin(), topic_.parameters.end(),
                                    [](const Parameter& one) { return is_website_source(one.source); });
    const auto* properties = member(topic_.request_schema, "properties");
    if (!wanted || (properties != nullptr && member(*properties, kWebsiteField) != nullptr)) return;
    add("request.schema.json", {}, Severity::error,
        fmt::format("a parameter comes from the website, but there is no '{}' to name it", kWebsiteField));
  }

  // Renders with a word that stands nowhere else, and looks where it went.
  void check_marks() {
    constexpr std::string_view kSign = "QQDATAQQ";
    json::object values;
    for (const auto& parameter : topic_.parameters) {
      const bool ours = parameter.source == "computed" || parameter.source == "conversation";
      values[parameter.name] = ours ? json::value("x")
                               : parameter.source == kWebsiteSource
                                   ? json::value(sample_website(true, std::string(kSign)))
                               : parameter.type == "list" ? json::value(json::array{kSign})
                                                          : json::value(kSign);
    }
    for (const auto* prompt : {&topic_.system, &topic_.extraction}) {
      std::string text;
      try {
        text = prompt->render(values);
      } catch (const base::Error&) {
        continue;  // reported where samples are rendered
      }
      bool inside = false;
      for (std::size_t at = 0; at < text.size(); ++at) {
        const auto rest = std::string_view(text).substr(at);
        if (rest.starts_with("<<<")) inside = true, at += 2;
        if (rest.starts_with(">>>")) inside = false, at += 2;
        if (!rest.starts_with(kSign) || inside) continue;
        findings_.push_back(
            {prompt->name(),
             {},
             Severity::error,
             fmt::format("what people write must stand between a line \"<<< name\" and a line \">>>\", so that "
                         "it is not read as an instruction; it does not after \"{}\"",
                         base::trim(text.substr(at < 40 ? 0 : at - 40, std::min<std::size_t>(at, 40))))});
        break;
      }
    }
  }

  void check_example() {
    const auto* request = member(topic_.example, "request");
    if (request == nullptr) return add("example.json", {}, Severity::error, R"(is missing, or is not {"request": …})");
    try {
      const base::Schema schema(base::resolve_references(topic_.request_schema, topic_.request_schema));
      for (const auto& fault : schema.faults(*request)) {
        add("example.json", {}, Severity::error, fmt::format("request.{} {}", fault.field, fault.message));
      }
    } catch (const std::exception&) {
      return;  // the schema's own faults are reported where it is checked
    }
  }

  bool check_script() {
    if (!topic_.offline.is_object()) {
      add("offline.yaml", {}, Severity::error, "must be a map with reads, signals, facts and result");
      return false;
    }
    std::vector<llm::offline::ScriptFault> faults;
    const auto script = llm::offline::read_analysis_script(topic_.offline, faults);
    for (const auto& fault : faults) {
      add("offline.yaml", line_of(fault.text), Severity::error,
          fault.where.empty() ? fault.message : fmt::format("{}: {}", fault.where, fault.message));
    }
    for (const auto& read : script.reads) {
      for (const auto& path : read.paths) check_path(path);
    }
    if (faults.empty()) check_members();
    return faults.empty();
  }

  void check_path(const std::string& path) {
    const auto first = path.substr(0, path.find('.'));
    const auto* parameter = topic_.parameter(first);
    if (parameter == nullptr) {
      std::vector<std::string> known;
      for (const auto& one : topic_.parameters) known.push_back(one.name);
      const auto near = base::nearest(first, known);
      return add("offline.yaml", line_of(path), Severity::error,
                 fmt::format("reads '{}', but '{}' is not a parameter of topic.yaml{}", path, first,
                             near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
    }
    if (parameter->source != "request") return;
    const auto* at = &topic_.request_schema;
    for (std::size_t begin = 0; begin < path.size();) {
      const auto end = std::min(path.find('.', begin), path.size());
      const auto* properties = member(*at, "properties");
      if (properties == nullptr) return;  // an open object
      at = member(*properties, path.substr(begin, end - begin));
      if (at == nullptr)
        return add("offline.yaml", line_of(path), Severity::error,
                   fmt::format("reads '{}', which is not in request.schema.json", path));
      begin = end + 1;
    }
  }

  // A result's members are the schema's.
  void check_members() {
    const auto* result = member(topic_.offline, "result");
    const auto* properties = member(topic_.result_schema, "properties");
    if (result == nullptr || properties == nullptr || !result->is_object() || !properties->is_object()) return;
    std::vector<std::string> known;
    for (const auto& property : properties->get_object()) known.emplace_back(property.key());
    for (const auto& entry : result->get_object()) {
      if (properties->get_object().contains(entry.key()) || entry.key() == "choose" ||
          result->get_object().contains("give"))
        continue;
      const auto near = base::nearest(entry.key(), known);
      add("offline.yaml", line_of(fmt::format("{}:", std::string_view(entry.key()))), Severity::error,
          fmt::format("result.{} is not in result.schema.json{}", std::string_view(entry.key()),
                      near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
    }
  }

  // Every word that a signal of the script knows, in sentences of a few.
  std::string all_words() const {
    std::string text = "Anna will raise sales by 20 % until 2027-03-01 because we want to grow. ";
    std::size_t count = 0;
    const auto add_words = [&](const json::value& value, const auto& self) -> void {
      if (const auto* words = value.if_string()) {
        for (const char c : *words) text += c == '*' ? ' ' : c == ',' && ++count % 6 == 0 ? '.' : c;
        text += ". ";
      } else if (const auto* list = value.if_array()) {
        for (const auto& element : *list) self(element, self);
      }
    };
    const auto* signals = member(topic_.offline, "signals");
    if (signals != nullptr && signals->is_object()) {
      for (const auto& signal : signals->get_object()) {
        const auto* words = member(signal.value(), "words");
        add_words(words == nullptr ? signal.value() : *words, add_words);
      }
    }
    return text;
  }

  void check_answer(const base::Schema& schema, const json::value& request, const json::value& context,
                    std::string_view which) {
    std::vector<base::Fault> faults;
    try {
      const auto input = with_context(topic_, request, context);
      const auto answer = llm::offline::analysis_of(&topic_.offline, &input, &topic_.result_schema);
      faults = schema.faults(answer);
      if (faults.empty()) find_blank(answer, "", faults);
    } catch (const base::Error& error) {
      faults.push_back({"", error.message});
    }
    for (const auto& fault : faults) {
      add("offline.yaml", {}, Severity::error,
          fmt::format("its answer to {}: {} {}", which, fault.field, fault.message));
    }
  }

  // The request once for each value of each of its enums.
  std::vector<json::value> variants(const json::value& request) const {
    std::vector<json::value> all{request};
    const auto* properties = member(topic_.request_schema, "properties");
    if (properties == nullptr || !properties->is_object() || !request.is_object()) return all;
    for (const auto& [name, property] : properties->get_object()) {
      const auto* options = member(property, "enum");
      if (options == nullptr || !options->is_array()) continue;
      for (const auto& option : options->get_array()) {
        all.push_back(request);
        all.back().get_object()[name] = option;
      }
    }
    return all;
  }

  void check_answers() {
    try {
      const base::Schema schema(base::resolve_references(topic_.result_schema, topic_.result_schema));
      const auto resolved = base::resolve_references(topic_.request_schema, topic_.request_schema);
      const auto words = all_words();
      if (const auto* example = member(topic_.example, "request")) {
        for (const auto& request : variants(*example)) {
          check_answer(schema, request, example_context(topic_), "the example");
        }
      }
      for (const auto& request : variants(sample_request(resolved, false, words))) {
        check_answer(schema, request, sample_context(false, words), "a request that says next to nothing");
      }
      for (const auto& request : variants(sample_request(resolved, true, words))) {
        check_answer(schema, request, sample_context(true, words), "a request that shows every signal");
      }
    } catch (const std::exception&) {
      return;  // a broken schema has been reported
    }
  }

  const Topic& topic_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::vector<LintFinding> lint_analysis(const Topic& topic) { return AnalysisLinter(topic).run(); }

}  // namespace coaching
