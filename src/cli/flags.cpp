#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/settings.hpp"

namespace cli {

void add_place_flags(CLI::App& command, SettingFlags& flags) {
  command
      .add_option("--config", flags.file, "YAML file of settings (default: $PURPOSEPATH_CONFIG, ./purposepath.yaml)")
      ->type_name("FILE");
  command
      .add_option_function<std::string>(
          "--data", [&flags](const std::string& text) { flags.named.push_back({"data", text, "--data"}); },
          "folder of the database and the development secret (default ./data)")
      ->type_name("DIR");
}

void add_setting_flags(CLI::App& command, SettingFlags& flags) {
  add_place_flags(command, flags);
  command.add_option("--set", flags.sets, "any setting, repeatable: --set coaching.max_turns=50")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

}  // namespace cli
