#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/chat.hpp"
#include "cli/commands.hpp"
#include "cli/service_access.hpp"

namespace cli {
namespace {

struct Arguments {
  ServiceAccess access;
  ChatPlan plan;
  std::string script;
  bool as_json = false;
};

int run_chat(const Arguments& arguments) {
  const auto style = detect_style();
  const auto script = arguments.script.empty() ? Transcript() : read_transcript(arguments.script);
  require_service(arguments.access);
  const InterruptFlag interrupt;
  ApiClient client(arguments.access.url, access_token(arguments.access), &interrupt);
  Conversations api(client);
  if (arguments.script.empty()) return chat(api, arguments.plan, style, interrupt);
  return play(api, arguments.plan, script, style, arguments.as_json);
}

}  // namespace

void add_chat(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("chat", "Talk to the coach in the terminal");
  auto arguments = std::make_shared<Arguments>();
  add_access_flags(*command, arguments->access);
  command->add_option("--topic", arguments->plan.topic, "core_values (default), purpose, vision, goals, …")
      ->type_name("TOPIC");
  auto* resume = command->add_flag("--resume", arguments->plan.resume,
                                   "go on with the conversation left open last, whatever its topic");
  command->add_flag("--new", arguments->plan.fresh, "begin anew even when a conversation is open")->excludes(resume);
  auto* script = command->add_option("--script", arguments->script, "play the lines of a file, then ask for the result")
                     ->type_name("FILE");
  command->add_flag("--json", arguments->as_json, "with --script: print one JSON object at the end")->needs(script);
  add_setting_flags(*command, arguments->access.flags);
  command->footer(
      "Goes on with the open conversation of the topic, or begins one. Inside: /help /status /complete /pause /quit.\n"
      "A script has a message a line; a line that begins with # is a note, and \"# Topic: goals\" chooses the topic.\n"
      "Exit code 5 when a played conversation does not end completed.\n\n"
      "Examples:\n"
      "  purposepath chat\n"
      "  purposepath chat --topic goals --new\n"
      "  purposepath chat --script examples/transcripts/core_values_1.txt\n"
      "  purposepath chat --url https://coach.example.com --token \"$TOKEN\"");
  command->callback([arguments, &chosen] { chosen = [arguments] { return run_chat(*arguments); }; });
}

}  // namespace cli
