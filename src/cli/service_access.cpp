#include "cli/service_access.hpp"

#include <CLI/CLI.hpp>

#include "cli/api_client.hpp"
#include "cli/development_token.hpp"

namespace cli {

void add_access_flags(CLI::App& command, ServiceAccess& access) {
  command.add_option("--url", access.url, "the service (http://127.0.0.1:8000)")->type_name("URL");
  command.add_option("--token", access.token, "who you are (default: a development token of the data folder)")
      ->type_name("JWT")
      ->envname("PURPOSEPATH_TOKEN");
}

void require_service(const ServiceAccess& access) {
  try {
    ApiClient(access.url, "").get("/health");
  } catch (const Unreachable& nobody) {
    throw Unreachable(nobody.code, nobody.message +
                                       "\nStart one with `purposepath serve` (or `make run`), or name "
                                       "another with --url.");
  }
}

std::string access_token(const ServiceAccess& access) {
  if (!access.token.empty()) return access.token;
  LoadedSettings settings;
  load_settings(settings, access.flags, process_environment());
  return mint_token(settings.values, {.name = "Developer", .tier = "ultimate"});
}

}  // namespace cli
