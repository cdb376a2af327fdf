#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "cli/commands.hpp"
#include "cli/run_to_end.hpp"
#include "cli/settings.hpp"
#include "cli/wrap.hpp"
#include "http/usage.hpp"

namespace cli {
namespace {

constexpr std::size_t kGroupColumns = 26;
constexpr std::size_t kMostRows = 100'000;

struct Arguments {
  SettingFlags flags;
  std::string from;
  std::string to;
  std::string by = "tenant";
  std::string tenant;
  std::string user;
  bool as_csv = false;
  bool as_json = false;
};

coaching::UsageQuery query_of(const Arguments& arguments) {
  coaching::UsageQuery query;
  query.from = arguments.from;
  query.to = arguments.to;
  query.group_by = base::enum_from<coaching::GroupBy>(arguments.by);
  if (!arguments.tenant.empty()) query.tenant_id = arguments.tenant;
  if (!arguments.user.empty()) query.user_id = arguments.user;
  query.most_rows = kMostRows;
  return query;
}

coaching::UsageReport read_report(const Arguments& arguments) {
  LoadedSettings settings;
  load_settings(settings, arguments.flags, process_environment());
  const base::SystemClock clock;
  const auto store = store::open_sqlite_to_read(sqlite_options(settings.values), clock);
  return run_to_end(coaching::report_usage(*store, clock.now(), query_of(arguments)));
}

// Cut, or filled up, to the width of its column.
std::string in_column(std::string_view text) {
  std::string shown(text);
  if (columns(shown) > kGroupColumns) {
    auto bytes = shown.size();
    while (columns(shown) >= kGroupColumns) shown = base::prefix_bytes(text, --bytes);
    shown += "…";
  }
  return shown + std::string(kGroupColumns - columns(shown), ' ');
}

void print_row(std::string_view group, const coaching::UsageRow& row) {
  fmt::print("{}{:>8}{:>12}{:>12}{:>11}{:>11.4f}\n", in_column(group), row.calls, row.prompt_tokens,
             row.completion_tokens, row.cached_tokens, coaching::usd(row.micro_usd));
}

void print_table(const coaching::UsageReport& report) {
  fmt::print("{} to {}\n\n", report.from, report.to);
  fmt::print("{}{:>8}{:>12}{:>12}{:>11}{:>11}\n", in_column(base::name_of(report.group_by)), "calls", "prompt",
             "answer", "cached", "USD");
  for (const auto& row : report.rows) print_row(row.group, row);
  print_row("total", report.total);
  if (report.total.estimated_calls > 0) {
    fmt::print("\nOf {} calls the model told no usage; it was estimated.\n", report.total.estimated_calls);
  }
}

// RFC 4180.
std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

// Without a total, so that a column can be summed up.
void print_csv(const coaching::UsageReport& report) {
  fmt::print("{},calls,estimated_calls,prompt_tokens,completion_tokens,cached_tokens,cost_usd\n",
             base::name_of(report.group_by));
  for (const auto& row : report.rows) {
    fmt::print("{},{},{},{},{},{},{:.6f}\n", csv_field(row.group), row.calls, row.estimated_calls, row.prompt_tokens,
               row.completion_tokens, row.cached_tokens, coaching::usd(row.micro_usd));
  }
}

int show_usage(const Arguments& arguments) {
  if (!arguments.user.empty() && arguments.tenant.empty()) {
    throw UsageError("--user needs --tenant: users of two tenants may have the same id");
  }
  const auto report = read_report(arguments);
  if (arguments.as_json) {
    fmt::print("{}\n", base::write_json(http::usage_body(report)));
  } else if (arguments.as_csv) {
    print_csv(report);
  } else {
    print_table(report);
  }
  return kOk;
}

}  // namespace

void add_usage(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("usage", "Print what was used and what it cost, of all tenants or of one");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("--from", arguments->from, "first day, UTC (default: the first of this month)");
  command->add_option("--to", arguments->to, "last day, included (default: today)");
  command->add_option("--by", arguments->by, "day, tenant, user, topic or model (default: tenant)")
      ->check(CLI::IsMember({"day", "tenant", "user", "topic", "model"}));
  command->add_option("--tenant", arguments->tenant, "only this tenant");
  command->add_option("--user", arguments->user, "only this user of the tenant");
  auto* csv = command->add_flag("--csv", arguments->as_csv, "print CSV, without a total");
  command->add_flag("--json", arguments->as_json, "print JSON")->excludes(csv);
  add_setting_flags(*command, arguments->flags);
  command->footer(
      "Reads the database itself, also while the service runs: as the user that the service runs as.\n\n"
      "Examples:\n"
      "  purposepath usage\n"
      "  purposepath usage --by user --tenant bakery --from 2026-11-01 --to 2026-11-30\n"
      "  purposepath usage --by model --csv > models.csv");
  command->callback([arguments, &chosen] { chosen = [arguments] { return show_usage(*arguments); }; });
}

}  // namespace cli
