#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/run_to_end.hpp"
#include "cli/settings.hpp"
#include "coaching/audit.hpp"

namespace cli {
namespace {

struct Arguments {
  SettingFlags flags;
  std::string tenant;
  std::string from;
  std::string to;
  std::size_t limit = 100;
  bool as_json = false;
};

std::optional<base::Time> day(const std::string& text, std::string_view flag) {
  if (text.empty()) return std::nullopt;
  try {
    if (text.size() == 10) return base::parse_time(text + "T00:00:00Z");
  } catch (const base::Error&) {
    // told below
  }
  throw UsageError(fmt::format("{} must be a day such as 2026-11-22", flag));
}

int show_audit(const Arguments& arguments) {
  coaching::AuditQuery query;
  query.tenant_id = arguments.tenant;
  query.from = day(arguments.from, "--from");
  query.to = day(arguments.to, "--to");
  if (query.to) *query.to += std::chrono::days(1);
  LoadedSettings settings;
  load_settings(settings, arguments.flags, process_environment());
  const base::SystemClock clock;
  const auto store = store::open_sqlite_to_read(sqlite_options(settings.values), clock);
  base::json::array list;
  for (const auto& entry : run_to_end(coaching::newest_audit(*store, query, arguments.limit))) {
    if (arguments.as_json) {
      list.push_back(base::to_json(entry));
      continue;
    }
    fmt::print("{}  {:<12} {:<16} {:<16} {}  {}\n", base::format_time(entry.time), entry.tenant_id, entry.actor.user_id,
               entry.act, entry.subject, entry.details.empty() ? "" : base::write_json(entry.details));
  }
  if (arguments.as_json) fmt::print("{}\n", base::write_json(list));
  return kOk;
}

}  // namespace

void add_audit(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("audit", "Print who changed what, the newest first");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("--tenant", arguments->tenant, "in this tenant (default: everywhere); * is what all tenants have")
      ->type_name("TENANT");
  command->add_option("--from", arguments->from, "first day, UTC")->type_name("DAY");
  command->add_option("--to", arguments->to, "last day, included")->type_name("DAY");
  command->add_option("--limit", arguments->limit, "at most so many (100)")->type_name("N");
  command->add_flag("--json", arguments->as_json, "print JSON");
  add_setting_flags(*command, arguments->flags);
  command->footer(
      "Reads the database itself, also while the service runs: as the user that the service runs as.\n\n"
      "Examples:\n"
      "  purposepath audit\n"
      "  purposepath audit --tenant bakery --from 2026-11-01 --json");
  command->callback([arguments, &chosen] { chosen = [arguments] { return show_audit(*arguments); }; });
}

}  // namespace cli
