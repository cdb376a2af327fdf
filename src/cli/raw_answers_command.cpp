#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/run_to_end.hpp"
#include "cli/settings.hpp"
#include "cli/terminal.hpp"
#include "coaching/raw_answers.hpp"
#include "store/sqlite.hpp"

namespace cli {
namespace {

struct Arguments {
  SettingFlags flags;
  std::string tenant;
  std::string id;
  std::size_t limit = 50;
  bool as_json = false;
};

// The store that the settings name, read beside a server that may be running.
std::unique_ptr<store::Store> open_store(const Arguments& arguments, const base::Clock& clock) {
  LoadedSettings settings;
  load_settings(settings, arguments.flags, process_environment());
  return store::open_sqlite_to_read(sqlite_options(settings.values), clock);
}

int list_raw_answers(const Arguments& arguments) {
  const base::SystemClock clock;
  const auto store = open_store(arguments, clock);
  const auto found = run_to_end(coaching::list_raw_answers(*store, arguments.tenant, arguments.limit));
  base::json::array list;
  for (const auto& raw : found) {
    if (!arguments.as_json) {
      fmt::print("{}  {}  {:<12} {:<11} {:<14} {:>7}  {}\n", raw.raw_answer_id, base::format_time(raw.created_at),
                 raw.owner.tenant_id, raw.purpose, raw.finish_reason, raw.bytes, raw.reference);
      continue;
    }
    auto line = base::to_json(raw).as_object();
    line.erase("text");  // only `show` prints what people said
    list.push_back(std::move(line));
  }
  if (arguments.as_json) fmt::print("{}\n", base::write_json(list));
  return kOk;
}

int show_raw_answer(const Arguments& arguments) {
  const base::SystemClock clock;
  const auto store = open_store(arguments, clock);
  const auto raw = run_to_end(coaching::find_raw_answer(*store, arguments.id));
  if (!raw) {
    throw base::Error(base::Code::not_found,
                      fmt::format("there is no raw answer {}; they are kept for two weeks", arguments.id));
  }
  if (arguments.as_json) {
    fmt::print("{}\n", base::write_json(base::to_json(*raw)));
    return kOk;
  }
  fmt::print("{}  {}\ntenant {}  user {}\n{} of {} for {}\nmodel {}  ended by {}  {} bytes\n{}\n\n{}\n",
             raw->raw_answer_id, base::format_time(raw->created_at), raw->owner.tenant_id, raw->owner.user_id,
             raw->purpose, raw->topic, raw->reference, raw->model, raw->finish_reason, raw->bytes, raw->fault,
             printable(raw->text.reveal()));
  return kOk;
}

}  // namespace

void add_raw_answers(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("raw-answers", "Look at answers of models that did not fit their schema");
  command->require_subcommand(1);
  command->footer(
      "They hold what people said, are kept for two weeks, and never stand in the log: its lines (invalid_answer)\n"
      "and conversations that need review name their ids. A running server is not disturbed.");
  const auto arguments = std::make_shared<Arguments>();
  auto* list = command->add_subcommand("list", "Print which there are, newest first, without their text");
  list->add_option("--tenant", arguments->tenant, "of this tenant alone")->type_name("TENANT");
  list->add_option("--limit", arguments->limit, "at most so many (50)")->type_name("N");
  list->add_flag("--json", arguments->as_json, "print JSON");
  add_setting_flags(*list, arguments->flags);
  list->footer(
      "Examples:\n"
      "  purposepath raw-answers list --tenant home\n"
      "  purposepath raw-answers list --json");
  list->callback([arguments, &chosen] { chosen = [arguments] { return list_raw_answers(*arguments); }; });
  auto* show = command->add_subcommand("show", "Print one, with its text and what was wrong with it");
  show->add_option("ID", arguments->id, "its id, raw_...")->required();
  show->add_flag("--json", arguments->as_json, "print JSON");
  add_setting_flags(*show, arguments->flags);
  show->footer(
      "Examples:\n"
      "  purposepath raw-answers show raw_01JD3WXYZ\n"
      "  purposepath raw-answers show raw_01JD3WXYZ --json");
  show->callback([arguments, &chosen] { chosen = [arguments] { return show_raw_answer(*arguments); }; });
}

}  // namespace cli
