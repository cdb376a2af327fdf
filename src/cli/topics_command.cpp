#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/settings.hpp"
#include "coaching/topic.hpp"

namespace cli {
namespace {

struct Arguments {
  SettingFlags flags;
  std::string directory;
  bool as_json = false;
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
      fmt::print("{:<14} {:<13} {:<9} v{:<3} {}\n", topic->id, base::name_of(topic->kind), topic->tier, topic->version,
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
  if (arguments.as_json) fmt::print("{}\n", base::json::serialize(list));
  return kOk;
}

CLI::App* add_below(CLI::App& topics, const char* name, const char* summary, std::shared_ptr<Arguments> arguments) {
  auto* command = topics.add_subcommand(name, summary);
  command->add_option("DIR", arguments->directory, "a folder of topics (default: topics_dir, and those in the binary)");
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
}

}  // namespace cli
