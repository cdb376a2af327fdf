#pragma once
// One function a command: it declares flags and help, and puts into `chosen` what to run when the command is given.
// A new command is a file with such a function and a line in run.cpp.
#include <functional>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace CLI {
class App;
}

namespace cli {

struct Settings;
struct SettingFlags;

// What the process ends with; `purposepath --help` documents them.
enum ExitCode : int {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kConfiguration = 3,
  kUnreachable = 4,   // no service there, or one that is not healthy
  kNotCompleted = 5,  // a played conversation that did not end completed
  kInterrupted = 130,
};

using Chosen = std::function<int()>;  // may throw base::Error

// A flag's value that only the command itself can judge.
struct UsageError : base::Error {
  explicit UsageError(std::string text) : Error(base::Code::validation_error, std::move(text)) {}
};

void add_serve(CLI::App& root, Chosen& chosen);
void add_chat(CLI::App& root, Chosen& chosen);
void add_analyze(CLI::App& root, Chosen& chosen);
void add_token(CLI::App& root, Chosen& chosen);
void add_health(CLI::App& root, Chosen& chosen);
void add_topics(CLI::App& root, Chosen& chosen);
void add_topic_versions(CLI::App& topics, Chosen& chosen);  // below `topics`
void add_audit(CLI::App& root, Chosen& chosen);
void add_business(CLI::App& root, Chosen& chosen);
void add_tenant(CLI::App& root, Chosen& chosen);
void add_models(CLI::App& root, Chosen& chosen);
void add_usage(CLI::App& root, Chosen& chosen);
void add_config(CLI::App& root, Chosen& chosen);
void add_raw_answers(CLI::App& root, Chosen& chosen);
void add_jobs(CLI::App& root, Chosen& chosen);

// --config and --data. `flags` must outlive the parsing.
void add_place_flags(CLI::App& command, SettingFlags& flags);
// Those and --set, which every command has that reads settings, unless it has a --set of its own.
void add_setting_flags(CLI::App& command, SettingFlags& flags);

// Runs the service until SIGTERM or SIGINT; returns the exit code.
int serve(const Settings& settings);

}  // namespace cli
