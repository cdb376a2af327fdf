#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/settings.hpp"

namespace cli {

void add_serve(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("serve", "Serve the HTTP API");
  auto flags = std::make_shared<SettingFlags>();
  const auto named = [flags](const char* key, const char* flag) {
    return [flags, key, flag](const std::string& text) { flags->named.push_back({key, text, flag}); };
  };
  command->add_option_function<std::string>("--host", named("http.host", "--host"), "address to listen on (127.0.0.1)")
      ->type_name("ADDRESS");
  command
      ->add_option_function<std::string>("--port", named("http.port", "--port"),
                                         "port to listen on (8000); 0 takes a free one and prints it")
      ->type_name("PORT");
  add_setting_flags(*command, *flags);
  command->footer(
      "Examples:\n"
      "  purposepath serve\n"
      "  purposepath serve --port 0 --data /var/lib/purposepath\n"
      "  purposepath serve --config production.yaml --set log.level=warn\n"
      "  PURPOSEPATH_LLM__PROVIDER=openai PURPOSEPATH_LLM__BASE_URL=http://127.0.0.1:11434/v1 \\\n"
      "    PURPOSEPATH_LLM__MODEL=llama3.1 purposepath serve\n\n"
      "Ends on SIGTERM or SIGINT after the open turns are finished.");
  command->callback([flags, &chosen] {
    chosen = [flags] {
      LoadedSettings settings;
      load_settings(settings, *flags, process_environment());
      check_for_serving(settings);
      return serve(settings.values);
    };
  });
}

}  // namespace cli
