#include "coaching/topic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/embedded.hpp"
#include "base/json.hpp"
#include "base/yaml.hpp"
#include "coaching/records.hpp"
#include "coaching/website.hpp"

namespace coaching {
namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 6> kPhases{"introduction", "exploration", "deepening",
                                                  "synthesis",    "validation",  "completion"};
constexpr std::array<std::string_view, 4> kTiers{"free", "basic", "premium", "ultimate"};
constexpr std::array<std::string_view, 5> kTypes{"string", "number", "boolean", "list", "object"};

// What topic.yaml says itself; the rest of a Topic comes from the other files.
struct Header {
  std::string id;
  std::int64_t version = 1;  // of folders made before versions were given when they are published: means nothing
  std::string revision;
  TopicKind kind = TopicKind::conversation;
  std::string name;
  std::string description;
  std::string category;
  std::string tier = "free";
  int max_turns = 0;
  std::vector<TopicPhase> phases;
  std::vector<Parameter> parameters;
};
BOOST_DESCRIBE_STRUCT(Header, (),
                      (id, version, revision, kind, name, description, category, tier, max_turns, phases, parameters))

struct SharedHeader {
  std::vector<Parameter> parameters;
};
BOOST_DESCRIBE_STRUCT(SharedHeader, (), (parameters))

// One folder's files, and how to speak of them.
struct Folder {
  const TopicFiles& files;
  std::string_view origin;

  std::string path(std::string_view file) const { return fmt::format("{}/{}", origin, file); }

  [[noreturn]] void fail(std::string_view file, std::string_view what) const {
    throw base::Error(base::Code::validation_error, fmt::format("{}: {}", path(file), what));
  }

  // The line on which YAML says `word`, to point at; the data itself no longer knows.
  [[noreturn]] void fail_at(std::string_view file, std::string_view word, std::string_view what) const {
    const auto found = files.find(file);
    const auto at = found == files.end() ? std::string::npos : found->second.find(word);
    if (at == std::string::npos || file.ends_with(".json")) fail(file, what);
    const auto end = found->second.begin() + static_cast<std::ptrdiff_t>(at);
    const auto line = 1 + std::count(found->second.begin(), end, '\n');
    throw base::Error(base::Code::validation_error, fmt::format("{}:{}: {}", path(file), line, what));
  }

  bool has(std::string_view file) const { return files.contains(file); }

  const std::string& text(std::string_view file) const {
    const auto found = files.find(file);
    if (found == files.end()) fail(file, "the file is missing");
    return found->second;
  }

  // `stem`.yaml, or `stem`.json as the binary carries it. The name of the one that is there.
  std::string data_file(std::string_view stem) const {
    const auto yaml = fmt::format("{}.yaml", stem);
    return has(yaml) ? yaml : fmt::format("{}.json", stem);
  }

  json::value data(std::string_view file) const {
    const auto& content = text(file);
    if (file.ends_with(".yaml")) return base::yaml_to_json(content, path(file));
    try {
      return base::parse_json(content);
    } catch (const base::Error& error) {
      fail(file, error.message);
    }
  }

  Template prompt(std::string_view file) const { return {text(file), path(file)}; }
};

// The topic's own text and then how every coach works, as one prompt. Each is compiled alone first, so that a fault is
// reported where it is.
Template system_prompt(const Folder& topic, TopicKind kind, const Folder& shared) {
  const auto* common = kind == TopicKind::analysis ? "analysis.md" : "conduct.md";
  topic.prompt("system.md");
  shared.prompt(common);
  return {topic.text("system.md") + shared.text(common), topic.path("system.md")};
}

template <class T>
void check_members(const Folder& folder, std::string_view file, const json::object& object) {
  std::vector<std::string> known;
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
      [&](auto d) { known.emplace_back(d.name); });
  for (const auto& member : object) {
    const std::string key(member.key());
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const auto near = base::nearest(key, known);
    folder.fail_at(file, key + ":",
                   fmt::format("'{}' is not known here{}", key,
                               near.empty() ? std::string() : fmt::format("; did you mean '{}'?", near)));
  }
}

template <class T>
void check_elements(const Folder& folder, std::string_view file, const json::value& list) {
  if (!list.is_array()) return;
  for (const auto& element : list.get_array()) {
    if (element.is_object()) check_members<T>(folder, file, element.get_object());
  }
}

template <class T>
T read_header(const Folder& folder, std::string_view file) {
  const auto data = folder.data(file);
  if (!data.is_object()) folder.fail(file, "must be a map of settings");
  check_members<T>(folder, file, data.get_object());
  if (const auto* list = data.get_object().if_contains("parameters")) check_elements<Parameter>(folder, file, *list);
  if (const auto* list = data.get_object().if_contains("phases")) check_elements<TopicPhase>(folder, file, *list);
  try {
    return base::from_json<T>(data);
  } catch (const base::Error& error) {
    const auto word = error.message.substr(0, error.message.find_first_of(" [."));
    folder.fail_at(file, word + ":", error.message);
  }
}

template <class Range>
bool contains(const Range& range, std::string_view text) {
  return std::find(range.begin(), range.end(), text) != range.end();
}

bool is_source(std::string_view source) {
  return source == "request" || source == "user" || source == "conversation" || source == "computed" ||
         is_website_source(source) || (source.starts_with("business.") && source.size() > 9);
}

void check_parameters(const Folder& folder, std::string_view file, const std::vector<Parameter>& parameters) {
  std::vector<std::string> seen;
  for (const auto& parameter : parameters) {
    const auto fail = [&](std::string_view what) {
      folder.fail_at(file, "name: " + parameter.name, fmt::format("parameter '{}' {}", parameter.name, what));
    };
    if (parameter.name.empty() || parameter.name.find('.') != std::string::npos) fail("needs a name without dots");
    if (contains(seen, parameter.name)) fail("is declared twice");
    if (!is_source(parameter.source)) {
      fail("needs a source: request, user, business.<path>, website, website.<member>, conversation or computed");
    }
    if (!contains(kTypes, parameter.type)) fail("needs a type: string, number, boolean, list or object");
    seen.push_back(parameter.name);
  }
}

void check_phases(const Folder& folder, std::string_view file, const Header& header) {
  if (header.kind == TopicKind::analysis) {
    if (!header.phases.empty()) folder.fail_at(file, "phases:", "an analysis has no phases");
    return;
  }
  if (header.phases.size() != kPhases.size()) {
    folder.fail_at(file, "phases:", fmt::format("a conversation has these phases: {}", fmt::join(kPhases, ", ")));
  }
  for (std::size_t i = 0; i < kPhases.size(); ++i) {
    const auto& phase = header.phases[i];
    const auto fail = [&](std::string what) { folder.fail_at(file, "name: " + phase.name, what); };
    if (phase.name != kPhases[i]) fail(fmt::format("phase {} must be '{}', not '{}'", i + 1, kPhases[i], phase.name));
    if (phase.goal.empty()) fail(fmt::format("phase '{}' needs a goal", phase.name));
    if (phase.min_turns < 0 || phase.max_turns < 0 || (phase.max_turns > 0 && phase.max_turns < phase.min_turns)) {
      fail(fmt::format("phase '{}': min_turns must be at least 0 and at most max_turns", phase.name));
    }
  }
}

void check_header(const Folder& folder, std::string_view file, const Header& header) {
  const bool plain = !header.id.empty() && std::all_of(header.id.begin(), header.id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!plain) folder.fail_at(file, "id:", "id must be made of small letters, digits and underscores");
  if (folder.origin != header.id && !folder.origin.ends_with("/" + header.id)) {
    folder.fail_at(file, "id:", fmt::format("id '{}' must be the folder's name", header.id));
  }
  if (header.name.empty()) folder.fail_at(file, "name:", "name is missing");
  if (header.max_turns < 0) folder.fail_at(file, "max_turns:", "max_turns must not be negative");
  if (!contains(kTiers, header.tier)) {
    folder.fail_at(file, "tier:", fmt::format("tier must be one of {}", fmt::join(kTiers, ", ")));
  }
  check_parameters(folder, file, header.parameters);
  check_phases(folder, file, header);
}

Topic from_header(Header header) {
  Topic topic;
  topic.id = std::move(header.id);
  topic.revision = std::move(header.revision);
  topic.kind = header.kind;
  topic.name = std::move(header.name);
  topic.description = std::move(header.description);
  topic.category = std::move(header.category);
  topic.tier = std::move(header.tier);
  topic.max_turns = header.max_turns;
  topic.phases = std::move(header.phases);
  topic.parameters = std::move(header.parameters);
  return topic;
}

// A folder of shared texts made before there were summaries has none; then it is the one in the binary.
Template shared_summary(const Folder& shared) {
  if (shared.has("summary.md")) return shared.prompt("summary.md");
  constexpr std::string_view kName = "topics/_shared/summary.md";
  const auto text = base::embedded(kName);
  if (!text) shared.fail("summary.md", "the file is missing");
  return {std::string(*text), std::string(kName)};
}

void add_shared(Topic& topic, const Folder& shared) {
  const auto file = shared.data_file("parameters");
  auto parameters = read_header<SharedHeader>(shared, file).parameters;
  check_parameters(shared, file, parameters);
  for (auto& parameter : parameters) {
    if (topic.parameter(parameter.name) != nullptr) continue;
    parameter.shared = true;
    topic.parameters.push_back(std::move(parameter));
  }
  topic.assessment = shared.prompt("assessment.md");
  topic.summary = shared_summary(shared);
  topic.assessment_schema = shared.data("assessment.schema.json");
}

}  // namespace

const Parameter* Topic::parameter(std::string_view parameter_name) const {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == parameter_name; });
  return found == parameters.end() ? nullptr : &*found;
}

const TopicPhase* Topic::phase(std::string_view phase_name) const {
  const auto found =
      std::find_if(phases.begin(), phases.end(), [&](const TopicPhase& p) { return p.name == phase_name; });
  return found == phases.end() ? nullptr : &*found;
}

json::value computed_value(const Topic& topic, std::string_view parameter_name) {
  if (parameter_name == "topic_name") return json::value(topic.name);
  if (parameter_name != "phases") {
    throw base::Error(base::Code::internal_error, fmt::format("nothing computes the variable '{}'", parameter_name));
  }
  json::array list;
  for (const auto& phase : topic.phases) {
    list.push_back({{"name", phase.name}, {"goal", phase.goal}, {"exit_criteria", base::to_json(phase.exit_criteria)}});
  }
  return list;
}

std::string hash_files(const TopicFiles& files, const TopicFiles& shared) {
  std::string all;
  for (const auto* part : {&files, &shared}) {
    for (const auto& [name, text] : *part) all += fmt::format("{}\n{}\n{}\n", name, text.size(), text);
    all += '\n';
  }
  return sha256_hex(all);
}

bool is_topic_file(std::string_view name) {
  constexpr std::array<std::string_view, 13> kFiles{
      "topic.yaml",     "topic.json",          "system.md",          "initiation.md", "resume.md",    "extraction.md",
      "instruction.md", "request.schema.json", "result.schema.json", "offline.yaml",  "offline.json", "example.json",
      "README.md"};
  return contains(kFiles, name);
}

Topic read_topic(const TopicFiles& files, const TopicFiles& shared, std::string_view origin) {
  const Folder folder{files, origin};
  const auto file = folder.data_file("topic");
  auto header = read_header<Header>(folder, file);
  check_header(folder, file, header);
  Topic topic = from_header(std::move(header));
  const Folder common{shared, "topics/_shared"};
  topic.system = system_prompt(folder, topic.kind, common);
  topic.extraction = folder.prompt(topic.kind == TopicKind::analysis ? "instruction.md" : "extraction.md");
  topic.request_schema = folder.data("request.schema.json");
  topic.result_schema = folder.data("result.schema.json");
  if (topic.kind == TopicKind::conversation) {
    topic.initiation = folder.prompt("initiation.md");
    topic.resume = folder.prompt("resume.md");
  }
  const auto script = folder.data_file("offline");
  topic.offline = folder.data(script);
  if (script.ends_with(".yaml")) topic.offline_source = folder.text(script);
  if (folder.has("example.json")) topic.example = folder.data("example.json");
  add_shared(topic, common);
  topic.hash = hash_files(files, shared);
  return topic;
}

}  // namespace coaching
