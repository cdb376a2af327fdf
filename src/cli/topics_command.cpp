#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/settings.hpp"
#include "cli/topics_answer.hpp"
#include "coaching/topic.hpp"
#include "coaching/topic_lint.hpp"

namespace cli {
namespace {

struct Arguments {
  SettingFlags flags;
  std::string directory;
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

int list_topics(const Arguments& arguments) {
  const auto topics = coaching::Topics::load(directory_of(arguments));
  base::json::array list;
  for (const auto& topic : topics.all()) {
    if (!arguments.as_json) {
      fmt::print("{:<24} {:<13} {:<9} v{:<3} {}\n", topic->id, base::name_of(topic->kind), topic->tier, topic->version,
                 topic->description);
      continue;
    }
    list.push_back({{"id", topic->id},
                    {"kind", base::name_of(topic->kind)},
                    {"version", topic->version},
                    {"tier", topic->tier},
                    {"name", topic->name},
                    {"description", topic->description}});
  }
  if (arguments.as_json) fmt::print("{}\n", base::write_json(list));
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

std::vector<std::filesystem::path> topic_folders(const std::filesystem::path& directory) {
  if (!std::filesystem::is_directory(directory)) {
    throw UsageError(fmt::format("{} is no folder; name the folder that holds the topics", directory.string()));
  }
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_directory() && !entry.path().filename().string().starts_with('_')) folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  if (folders.empty()) throw UsageError(fmt::format("{} holds no topic folder", directory.string()));
  return folders;
}

int lint_topics(const Arguments& arguments) {
  auto directory = directory_of(arguments);
  if (directory.empty()) directory = "topics";
  const auto folders = topic_folders(directory);
  const auto shared = coaching::shared_topic_files(directory);
  base::json::array list;
  std::size_t faults = 0;
  for (const auto& folder : folders) {
    const auto linted = lint_folder(folder, shared);
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
  command->add_option("DIR", arguments->directory, "a folder of topics (default: topics_dir)");
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
}

}  // namespace cli
