#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/settings.hpp"

namespace cli {
namespace {

void print_table(const base::Config& config) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const auto& setting : config.settings()) {
    key_width = std::max(key_width, setting.key.size());
    value_width = std::max(value_width, std::min<std::size_t>(setting.shown().size(), 40));
  }
  for (const auto& setting : config.settings()) {
    const auto value = setting.shown();
    fmt::print("{:<{}}  {:<{}}  {}\n", setting.key, key_width, value.empty() ? "-" : value, value_width,
               setting.origin);
  }
}

void print_json(const base::Config& config) {
  base::json::object settings;
  for (const auto& setting : config.settings()) {
    settings.emplace(setting.key, base::json::object{{"value", setting.shown()},
                                                     {"origin", setting.origin},
                                                     {"variable", base::variable_name(setting.key)}});
  }
  fmt::print("{}\n", base::write_json(settings));
}

}  // namespace

void add_config(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("config", "Look at the configuration");
  command->require_subcommand(1);
  auto* show = command->add_subcommand("show", "Print every setting, its value and where that comes from");
  auto flags = std::make_shared<SettingFlags>();
  auto as_json = std::make_shared<bool>(false);
  show->add_flag("--json", *as_json, "one JSON object: key -> {value, origin, variable}");
  add_setting_flags(*show, *flags);
  show->footer(
      "Later layers win: defaults, YAML file, environment (PURPOSEPATH_HTTP__PORT for http.port), flags.\n"
      "Secrets are masked.\n\n"
      "Examples:\n"
      "  purposepath config show\n"
      "  purposepath config show --config production.yaml --json");
  show->callback([flags, as_json, &chosen] {
    chosen = [flags, as_json] {
      LoadedSettings settings;
      load_settings(settings, *flags, process_environment());
      *as_json ? print_json(settings.config) : print_table(settings.config);
      return kOk;
    };
  });
}

}  // namespace cli
