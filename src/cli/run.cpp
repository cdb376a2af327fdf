#include "cli/run.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>

#include "base/config.hpp"
#include "cli/api_client.hpp"
#include "cli/commands.hpp"

namespace cli {
namespace {

struct Command {
  std::string_view name;
  void (*add)(CLI::App& root, Chosen& chosen);
};

constexpr auto kCommands = std::to_array<Command>({
    {"serve", add_serve},
    {"chat", add_chat},
    {"analyze", add_analyze},
    {"token", add_token},
    {"health", add_health},
    {"topics", add_topics},
    {"models", add_models},
    {"usage", add_usage},
    {"config", add_config},
    {"raw-answers", add_raw_answers},
    {"business", add_business},
    {"jobs", add_jobs},
    {"audit", add_audit},
    {"tenant", add_tenant},
});

constexpr std::string_view kFooter =
    "Examples:\n"
    "  purposepath serve                              serve on http://127.0.0.1:8000\n"
    "  purposepath chat                               talk to the coach in the terminal\n"
    "  purposepath token --user me --tenant home      a token for curl\n\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration, 4 service unreachable or unhealthy,\n"
    "5 a played conversation did not end completed, 130 interrupted.";

// What stands where a command belongs and is none: CLI11 would only say that it was not expected.
int refuse_unknown_command(std::string_view word) {
  std::vector<std::string_view> names;
  for (const auto& command : kCommands) names.push_back(command.name);
  const auto near = base::nearest(word, names);
  fmt::print(stderr, "purposepath: there is no command {}{}\n", word,
             near.empty() ? "; see purposepath --help" : fmt::format("; did you mean {}?", near));
  return kUsage;
}

bool is_command(std::string_view word) {
  return std::ranges::any_of(kCommands, [&](const Command& command) { return command.name == word; });
}

// The innermost command that was given, for its option names and its help.
CLI::App& given(CLI::App& app) {
  const auto below = app.get_subcommands();
  return below.empty() ? app : given(*below.front());
}

int explain_usage(CLI::App& app, const CLI::ParseError& wrong) {
  // --help and --version arrive as exceptions too, with the exit code 0.
  if (wrong.get_exit_code() == 0) return app.exit(wrong);
  auto& command = given(app);
  std::string hint;
  for (const auto& extra : command.remaining(true)) {
    std::vector<std::string> flags;
    for (const auto* option : command.get_options()) flags.push_back(option->get_name());
    for (const auto* below : command.get_subcommands({})) flags.push_back(below->get_name());
    if (const auto near = base::nearest(extra, flags); !near.empty()) hint = fmt::format("; did you mean {}?", near);
  }
  std::string path = command.get_name();
  for (const auto* above = command.get_parent(); above != nullptr; above = above->get_parent()) {
    path = above->get_name() + " " + path;
  }
  fmt::print(stderr, "{}: {}{}\nSee {} --help.\n", path, wrong.what(), hint, path);
  return kUsage;
}

int run_chosen(const Chosen& chosen) {
  try {
    return chosen();
  } catch (const base::ConfigError& wrong) {
    fmt::print(stderr, "purposepath: {}\n", wrong.message);
    return kConfiguration;
  } catch (const UsageError& wrong) {
    fmt::print(stderr, "purposepath: {}\n", wrong.message);
    return kUsage;
  } catch (const Unreachable& nobody) {
    fmt::print(stderr, "purposepath: {}\n", nobody.message);
    return kUnreachable;
  } catch (const Interrupted&) {
    return kInterrupted;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "purposepath: {}\n", failure.what());
    return kFailure;
  }
}

}  // namespace

int run(int argc, char** argv) {
  if (argc > 1 && argv[1][0] != '-' && !is_command(argv[1])) return refuse_unknown_command(argv[1]);
  CLI::App app("An AI coaching service: HTTP API, command line and a coach that works offline.", "purposepath");
  app.set_version_flag("--version", "purposepath " PURPOSEPATH_VERSION);
  app.set_help_flag("-h,--help", "this help");
  app.require_subcommand(1);
  app.footer(std::string(kFooter));
  app.get_formatter()->column_width(34);
  Chosen chosen;
  // Declaring flags costs time at every start, so only the command that was given declares its own.
  const bool all = argc < 2 || !is_command(argv[1]);
  for (const auto& command : kCommands) {
    if (all || command.name == argv[1]) command.add(app, chosen);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return explain_usage(app, wrong);
  }
  return run_chosen(chosen);
}

}  // namespace cli
