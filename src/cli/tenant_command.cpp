#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/run_to_end.hpp"
#include "cli/settings.hpp"
#include "coaching/tenant_export.hpp"

namespace cli {
namespace {

struct Arguments {
  SettingFlags flags;
  std::string tenant;
  std::string out;
};

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// For the owner's eyes alone: it holds what people said.
File open_output(const std::string& path) {
  if (path.empty()) return {stdout, [](std::FILE*) { return 0; }};
  const auto before = ::umask(0077);
  File file(std::fopen(path.c_str(), "wx"), std::fclose);
  ::umask(before);
  if (!file) throw UsageError(fmt::format("{} cannot be made; is it there already?", path));
  return file;
}

base::Task<int> write_export(store::Store& store, const Arguments& arguments, const base::Clock& clock,
                             std::FILE* out) {
  bool written = true;
  co_await coaching::export_tenant(store, arguments.tenant, clock.now(), [&](std::string lines) -> base::Task<bool> {
    written = std::fwrite(lines.data(), 1, lines.size(), out) == lines.size();
    co_return written;
  });
  co_return written&& std::fflush(out) == 0 ? kOk : kFailure;
}

int export_tenant(const Arguments& arguments) {
  LoadedSettings settings;
  load_settings(settings, arguments.flags, process_environment());
  const base::SystemClock clock;
  const auto store = store::open_sqlite_to_read(sqlite_options(settings.values), clock);
  const auto out = open_output(arguments.out);
  const auto code = run_to_end(write_export(*store, arguments, clock, out.get()));
  if (code != kOk)
    throw base::Error(base::Code::dependency_unavailable, "the export cannot be written: is the disk full?");
  return code;
}

}  // namespace

void add_tenant(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("tenant", "What is stored of a tenant");
  command->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  auto* exported = command->add_subcommand("export", "Write everything of a tenant as lines of JSON");
  exported->add_option("TENANT", arguments->tenant, "the tenant's id")->required();
  exported->add_option("--out", arguments->out, "a new file, for you alone to read (default: standard output)")
      ->type_name("FILE");
  add_setting_flags(*exported, arguments->flags);
  exported->footer(
      "Holds what people said. Reads the database itself, also while the service runs: as the user that the service\n"
      "runs as. The last line is of the kind \"end\"; without it the export was cut off.\n\n"
      "Examples:\n"
      "  purposepath tenant export bakery --out bakery.ndjson\n"
      "  purposepath tenant export bakery | gzip > bakery.ndjson.gz");
  exported->callback([arguments, &chosen] { chosen = [arguments] { return export_tenant(*arguments); }; });
}

}  // namespace cli
