#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/run_to_end.hpp"
#include "cli/settings.hpp"
#include "cli/terminal.hpp"
#include "cli/topic_folders.hpp"
#include "cli/topics_answer.hpp"
#include "cli/wrap.hpp"
#include "coaching/topic.hpp"
#include "coaching/topic_lint.hpp"
#include "coaching/topic_versions.hpp"

namespace cli {
namespace {

struct Arguments {
  SettingFlags flags;
  std::string directory;
  std::string tenant;
  bool as_json = false;
  std::string folder;  // of one topic
  std::string request;
};

std::string directory_of(const Arguments& arguments) {
  if (!arguments.directory.empty()) return arguments.directory;
  LoadedSettings settings;
  load_settings(settings, arguments.flags, process_environment());
  return settings.values.topics_dir;
}

using TopicList = std::vector<std::shared_ptr<const coaching::Topic>>;

// What is offered, to all tenants or to one: the built-in ones, and over them what the store has.
TopicList offered_topics(const Arguments& arguments) {
  LoadedSettings settings;
  load_settings(settings, arguments.flags, process_environment());
  const auto built_in = coaching::Topics::load(settings.values.topics_dir);
  const auto options = sqlite_options(settings.values);
  if (!std::filesystem::exists(options.path)) return built_in.all();
  const base::SystemClock clock;
  base::SystemRandom random;
  base::Ids ids(clock, random);
  telemetry::Log log(STDERR_FILENO, telemetry::Level::error, clock);
  const auto store = store::open_sqlite_to_read(options, clock);
  coaching::TopicVersions versions(*store, built_in, clock, ids, log);
  const auto tenant = arguments.tenant.empty() ? std::string(coaching::kAllTenants) : arguments.tenant;
  return run_to_end(versions.all_live(tenant));
}

// What differs from a built-in topic for everybody; "" for nothing.
std::string notes_on(const coaching::Topic& topic) {
  std::vector<std::string> notes;
  if (topic.tier != "free") notes.push_back(fmt::format("tier {} or higher", topic.tier));
  if (topic.version > 0) notes.push_back(fmt::format("version {}", topic.version));
  return notes.empty() ? "" : fmt::format(" ({})", fmt::join(notes, ", "));
}

void print_topics(const TopicList& topics, const Style& style) {
  constexpr std::size_t kIndent = 27;
  for (const auto kind : {coaching::TopicKind::conversation, coaching::TopicKind::analysis}) {
    fmt::print("{}\n", style.bold(kind == coaching::TopicKind::analysis ? "Analyses" : "Conversations"));
    for (const auto& topic : topics) {
      if (topic->kind != kind) continue;
      const auto text = wrap(topic->description + notes_on(*topic), style.width - kIndent, 0);
      std::string_view rest = text;
      auto id = topic->id;
      for (std::size_t end = 0; end != std::string_view::npos; id.clear()) {
        end = rest.find('\n');
        fmt::print("  {:<{}}{}\n", id, kIndent - 2, rest.substr(0, end));
        if (end != std::string_view::npos) rest.remove_prefix(end + 1);
      }
    }
  }
}

// One line a topic, for grep and awk.
void print_topic_lines(const TopicList& topics) {
  for (const auto& topic : topics) {
    fmt::print("{:<24} {:<13} {:<9} v{:<3} {}\n", topic->id, base::name_of(topic->kind), topic->tier, topic->version,
               topic->description);
  }
}

base::json::array as_json(const TopicList& topics) {
  base::json::array list;
  for (const auto& topic : topics) {
    list.push_back({{"id", topic->id},
                    {"kind", base::name_of(topic->kind)},
                    {"version", topic->version},
                    {"scope", topic->scope},
                    {"tier", topic->tier},
                    {"name", topic->name},
                    {"description", topic->description}});
  }
  return list;
}

int list_topics(const Arguments& arguments) {
  const auto topics =
      arguments.directory.empty() ? offered_topics(arguments) : coaching::Topics::load(arguments.directory).all();
  const auto style = detect_style();
  if (arguments.as_json) {
    fmt::print("{}\n", base::write_json(as_json(topics)));
  } else if (::isatty(STDOUT_FILENO) == 1) {
    print_topics(topics, style);
  } else {
    print_topic_lines(topics);
  }
  return kOk;
}

struct Linted {
  std::string topic;
  std::vector<std::string> faults;
  std::vector<std::string> warnings;  // worth a look, but no reason to refuse the topic
};

std::string as_line(const coaching::LintFinding& finding) {
  return finding.line ? fmt::format("{}:{}: {}", finding.file, *finding.line, finding.message)
                      : fmt::format("{}: {}", finding.file, finding.message);
}

Linted lint_folder(const std::filesystem::path& folder, const coaching::TopicFiles& shared) {
  Linted linted{.topic = folder.filename().string()};
  try {
    const auto topic = coaching::read_topic(coaching::read_topic_folder(folder.string()), shared, folder.string());
    for (const auto& finding : coaching::lint(topic)) {
      auto& list = finding.severity == coaching::Severity::error ? linted.faults : linted.warnings;
      list.push_back(as_line(finding));
    }
  } catch (const base::Error& fault) {
    linted.faults.push_back(fault.message);
  }
  return linted;
}

int lint_topics(const Arguments& arguments) {
  auto directory = directory_of(arguments);
  if (directory.empty()) directory = "topics";
  const auto folders = topic_folders_in(directory);
  base::json::array list;
  std::size_t faults = 0;
  for (const auto& folder : folders) {
    const auto above = std::filesystem::absolute(folder).lexically_normal().parent_path();
    const auto linted = lint_folder(folder, coaching::shared_topic_files(above.string()));
    faults += linted.faults.size();
    list.push_back({{"topic", linted.topic},
                    {"faults", base::to_json(linted.faults)},
                    {"warnings", base::to_json(linted.warnings)}});
    if (arguments.as_json) continue;
    fmt::print("{:<24} {}\n", linted.topic, linted.faults.empty() ? "fine" : "");
    for (const auto& fault : linted.faults) fmt::print("  {}\n", fault);
    for (const auto& warning : linted.warnings) fmt::print("  warning: {}\n", warning);
  }
  if (arguments.as_json) fmt::print("{}\n", base::write_json(list));
  return faults == 0 ? kOk : kFailure;
}

CLI::App* add_below(CLI::App& topics, const char* name, const char* summary, std::shared_ptr<Arguments> arguments) {
  auto* command = topics.add_subcommand(name, summary);
  command->add_option("DIR", arguments->directory, "a folder of topics, or of one (default: topics_dir)");
  command->add_flag("--json", arguments->as_json, "print JSON");
  add_setting_flags(*command, arguments->flags);
  return command;
}

}  // namespace

void add_topics(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("topics", "Look at the coaching topics");
  command->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  auto* list = add_below(*command, "list", "Print every topic that the service would offer", arguments);
  list->footer(
      "Examples:\n"
      "  purposepath topics list\n"
      "  purposepath topics list ./my-topics --json");
  list->callback([arguments, &chosen] { chosen = [arguments] { return list_topics(*arguments); }; });
  list->add_option("--tenant", arguments->tenant, "what this tenant is offered (default: what all are)")
      ->type_name("TENANT");
  auto* lint = add_below(*command, "lint", "Check topic folders; print every fault", arguments);
  lint->footer(
      "Without a folder: topics_dir, else ./topics. Exit code 1 when there is a fault.\n\n"
      "Examples:\n"
      "  purposepath topics lint\n"
      "  purposepath topics lint ./my-topics --json");
  lint->callback([arguments, &chosen] { chosen = [arguments] { return lint_topics(*arguments); }; });
  auto* answer = command->add_subcommand("answer", "Print the offline coach's answer to a request for an analysis");
  answer->add_option("FOLDER", arguments->folder, "the topic's folder")->required();
  answer->add_option("--request", arguments->request,
                     "a file with the request's body, - for standard input (default: example.json)");
  answer->footer(
      "Examples:\n"
      "  purposepath topics answer topics/alignment\n"
      "  purposepath topics answer ./my-topics/pricing --request request.json");
  answer->callback(
      [arguments, &chosen] { chosen = [arguments] { return answer_topic(arguments->folder, arguments->request); }; });
  add_topic_versions(*command, chosen);
}

}  // namespace cli
