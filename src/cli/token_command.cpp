#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/development_token.hpp"
#include "cli/settings.hpp"

namespace cli {
namespace {

constexpr std::array<const char*, 4> kRoles{"user", "coach", "admin", "owner"};
constexpr std::array<const char*, 4> kTiers{"free", "basic", "premium", "ultimate"};

struct Arguments {
  SettingFlags flags;
  TokenRequest request;
  std::string expires = "12h";
};

base::Milliseconds parse_expiry(std::string_view text) {
  try {
    if (const auto duration = base::parse_duration(text); duration.count() > 0) return duration;
  } catch (const base::Error&) {
  }
  throw UsageError("--expires must be a duration above zero, such as 30m, 12h or 14d");
}

}  // namespace

void add_token(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("token", "Make a token and print it");
  auto arguments = std::make_shared<Arguments>();
  auto& request = arguments->request;
  command->add_option("--user", request.user_id, "user id (default: dev)")->type_name("ID");
  command->add_option("--tenant", request.tenant_id, "tenant id (default: dev)")->type_name("ID");
  command->add_option("--role", request.roles, "user, coach, admin or owner; repeatable (default: user)")
      ->type_name("ROLE")
      ->allow_extra_args(false)
      ->check(CLI::IsMember(std::vector<std::string>(kRoles.begin(), kRoles.end())));
  command->add_option("--tier", request.tier, "free, basic, premium or ultimate (default: free)")
      ->type_name("TIER")
      ->check(CLI::IsMember(std::vector<std::string>(kTiers.begin(), kTiers.end())));
  command->add_option("--email", request.email, "e-mail address")->type_name("ADDRESS");
  command->add_option("--name", request.name, "the person's name")->type_name("NAME");
  command->add_option("--expires", arguments->expires, "how long it is valid (default: 12h)")->type_name("DURATION");
  add_setting_flags(*command, arguments->flags);
  command->footer(
      "Signs with auth.secret or auth.secret_file; in development without one, with the secret in the data folder,\n"
      "which is made when it is missing.\n\n"
      "Examples:\n"
      "  purposepath token\n"
      "  purposepath token --user ada --tenant acme --role coach --role admin --tier premium --expires 1h\n"
      "  curl -H \"Authorization: Bearer $(purposepath token)\" http://127.0.0.1:8000/api/v1/topics");
  command->callback([arguments, &chosen] {
    chosen = [arguments] {
      LoadedSettings settings;
      arguments->request.valid_for = parse_expiry(arguments->expires);
      load_settings(settings, arguments->flags, process_environment());
      fmt::print("{}\n", mint_token(settings.values, arguments->request));
      return kOk;
    };
  });
}

}  // namespace cli
