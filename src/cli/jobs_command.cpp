#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/administration.hpp"
#include "cli/commands.hpp"
#include "cli/run_to_end.hpp"
#include "cli/wrap.hpp"
#include "coaching/job_access.hpp"
#include "http/jobs.hpp"

namespace cli {
namespace {

constexpr std::size_t kColumns = 80;

struct Arguments {
  AdministrationFlags flags;  // of settings alone, but for retry
  std::string id;
  std::string status;
  std::string kind;
  std::int64_t limit = 50;
  bool as_json = false;
};

std::unique_ptr<store::Store> open_store(const Arguments& arguments, const base::Clock& clock) {
  LoadedSettings settings;
  load_settings(settings, arguments.flags.settings, process_environment());
  return store::open_sqlite_to_read(sqlite_options(settings.values), clock);
}

// "42s", "5m", "3h", "6d".
std::string age(base::Milliseconds since) {
  using namespace std::chrono_literals;
  const auto count = [&](base::Milliseconds unit) { return std::max<std::int64_t>(since / unit, 0); };
  if (since < 60s) return fmt::format("{}s", count(1s));
  if (since < 60min) return fmt::format("{}m", count(1min));
  if (since < 48h) return fmt::format("{}h", count(1h));
  return fmt::format("{}d", count(24h));
}

void print_row(std::string_view id, std::string_view status, std::string_view kind, std::string_view tries,
               std::string_view since, std::string_view tenant) {
  fmt::print("{:<30}  {:<10}  {:<10.10}  {:>5}  {:>4}  {:.11}\n", id, status, kind, tries, since, tenant);
}

int list_jobs(const Arguments& arguments) {
  coaching::JobQuery query;
  query.tenant_id = arguments.flags.tenant;
  if (!arguments.status.empty()) query.status = base::enum_from<coaching::JobStatus>(arguments.status);
  query.kind = arguments.kind;
  query.page_size = arguments.limit;
  const base::SystemClock clock;
  const auto store = open_store(arguments, clock);
  const auto found = run_to_end(coaching::all_jobs(*store, std::move(query)));
  if (arguments.as_json) {
    base::json::array list;
    for (const auto& job : found.jobs) list.push_back(http::admin_job_body(job));
    fmt::print("{}\n", base::write_json(list));
    return kOk;
  }
  print_row("job", "status", "kind", "tries", "age", "tenant");
  for (const auto& job : found.jobs) {
    print_row(job.job_id, base::name_of(job.status), job.kind, fmt::format("{}", job.attempts),
              age(clock.now() - job.created_at), job.owner.tenant_id);
  }
  if (found.total > std::ssize(found.jobs)) {
    fmt::print("\n{} of {}; --limit shows more.\n", found.jobs.size(), found.total);
  }
  return kOk;
}

void print_field(std::string_view name, std::string_view value) {
  if (!value.empty()) fmt::print("{:<10} {}\n", name, value);
}

void print_job(const coaching::Job& job) {
  fmt::print("{}\n", job.job_id);
  print_field("kind", job.kind);
  print_field("status", base::name_of(job.status));
  print_field("about", job.reference);
  print_field("topic", job.topic);
  print_field("tenant", job.owner.tenant_id);
  print_field("user", job.owner.user_id);
  print_field("tries", fmt::format("{}", job.attempts));
  print_field("created", base::format_time(job.created_at));
  print_field("updated", base::format_time(job.updated_at));
  if (!coaching::is_done(job)) print_field("due", base::format_time(job.due_at));
  if (job.expires_at > base::Time{}) print_field("expires", base::format_time(job.expires_at));
  print_field("error", job.error);
  if (!job.message.empty()) fmt::print("\n{}\n", wrap(job.message, kColumns));
}

int show_job(const Arguments& arguments) {
  const base::SystemClock clock;
  const auto store = open_store(arguments, clock);
  const auto found = run_to_end(coaching::read_job(*store, arguments.id));
  if (!found) {
    throw base::Error(
        base::Code::job_not_found,
        fmt::format("there is no job {}; those that are done stay for coaching.job_retention", arguments.id));
  }
  if (arguments.as_json) {
    fmt::print("{}\n", base::write_json(http::admin_job_body(found->job)));
  } else {
    print_job(found->job);
  }
  return kOk;
}

int retry_job(const Arguments& arguments) {
  Administration service(arguments.flags);
  const auto body = service.post(fmt::format("/api/v1/admin/jobs/{}/retry", arguments.id), base::json::object{});
  if (arguments.as_json) {
    fmt::print("{}\n", base::write_json(body));
  } else {
    fmt::print("{} is due again; a running service begins within seconds.\n", arguments.id);
  }
  return kOk;
}

void add_reading(CLI::App& command, const std::shared_ptr<Arguments>& arguments, Chosen& chosen) {
  auto* list = command.add_subcommand("list", "Print which there are, the newest first");
  list->add_option("--status", arguments->status, "pending, processing, completed or failed")
      ->check(CLI::IsMember({"pending", "processing", "completed", "failed"}));
  list->add_option("--kind", arguments->kind, "of this kind alone: analysis, extraction, summary")->type_name("KIND");
  list->add_option("--tenant", arguments->flags.tenant, "of this tenant alone")->type_name("TENANT");
  list->add_option("--limit", arguments->limit, "at most so many (50)")->type_name("N")->check(CLI::Range(1, 20'000));
  list->add_flag("--json", arguments->as_json, "print JSON");
  add_setting_flags(*list, arguments->flags.settings);
  list->footer(
      "Reads the database itself, also while the service runs: as the user that the service runs as.\n\n"
      "Examples:\n"
      "  purposepath jobs list --status failed\n"
      "  purposepath jobs list --kind analysis --tenant bakery --json");
  list->callback([arguments, &chosen] { chosen = [arguments] { return list_jobs(*arguments); }; });
  auto* show = command.add_subcommand("show", "Print one, with its last failure");
  show->add_option("ID", arguments->id, "its id, job_...")->required();
  show->add_flag("--json", arguments->as_json, "print JSON");
  add_setting_flags(*show, arguments->flags.settings);
  show->footer("Examples:\n  purposepath jobs show job_01M81PTC2V6Q0B7N3D9XWKZ4RM");
  show->callback([arguments, &chosen] { chosen = [arguments] { return show_job(*arguments); }; });
}

}  // namespace

void add_jobs(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("jobs", "Look at background work, and have failed jobs tried again");
  command->require_subcommand(1);
  command->footer(
      "Analyses that took long, results of conversations, summaries. Never what they work on: that is erased when\n"
      "they are done, and a day after a failed one was made.");
  const auto arguments = std::make_shared<Arguments>();
  add_reading(*command, arguments, chosen);
  auto* retry = command->add_subcommand("retry", "Have a failed job tried again, as if it had not been tried");
  retry->add_option("ID", arguments->id, "its id, job_...")->required();
  retry->add_flag("--json", arguments->as_json, "print JSON");
  add_administration_flags(*retry, arguments->flags, "jobs");
  retry->footer("Examples:\n  purposepath jobs retry job_01M81PTC2V6Q0B7N3D9XWKZ4RM");
  retry->callback([arguments, &chosen] { chosen = [arguments] { return retry_job(*arguments); }; });
}

}  // namespace cli
