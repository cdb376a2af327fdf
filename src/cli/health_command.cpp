#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/json.hpp"
#include "cli/api_client.hpp"
#include "cli/commands.hpp"

namespace cli {
namespace {

struct Arguments {
  std::string url = "http://127.0.0.1:8000";
  bool as_json = false;
};

void print_dependencies(const base::json::value& body) {
  const auto* dependencies = body.is_object() ? body.get_object().if_contains("dependencies") : nullptr;
  if (dependencies == nullptr || !dependencies->is_object()) return;
  for (const auto& [name, state] : dependencies->get_object()) {
    const auto* status = state.is_object() ? state.get_object().if_contains("status") : &state;
    const auto* reason = state.is_object() ? state.get_object().if_contains("reason") : nullptr;
    fmt::print("  {:<13} {}{}\n", std::string_view(name),
               status != nullptr && status->is_string() ? std::string_view(status->get_string()) : "?",
               reason != nullptr && reason->is_string() && !reason->get_string().empty()
                   ? fmt::format(" ({})", std::string_view(reason->get_string()))
                   : "");
  }
}

int check_health(const Arguments& arguments) {
  ApiClient api(arguments.url, "");
  const auto answer = api.ask("GET", "/api/v1/health/ready");
  const bool healthy = answer.status == 200;
  if (arguments.as_json) {
    fmt::print("{}\n", base::write_json(answer.body));
  } else {
    fmt::print("{} {}\n", arguments.url, healthy ? "is healthy" : fmt::format("is not healthy ({})", answer.status));
    print_dependencies(answer.body);
  }
  return healthy ? kOk : kUnreachable;
}

}  // namespace

void add_health(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("health", "Ask a running service whether it can work");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("--url", arguments->url, "where it is (http://127.0.0.1:8000)")->type_name("URL");
  command->add_flag("--json", arguments->as_json, "the service's own answer");
  command->footer(
      "Exit code 0 when it is ready, 4 when it is not or nothing answers.\n\n"
      "Examples:\n"
      "  purposepath health\n"
      "  purposepath health --url https://coach.example.com --json");
  command->callback([arguments, &chosen] { chosen = [arguments] { return check_health(*arguments); }; });
}

}  // namespace cli
