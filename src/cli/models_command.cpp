#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/model_probe.hpp"
#include "cli/settings.hpp"
#include "cli/wrap.hpp"
#include "llm/plan.hpp"

namespace cli {
namespace {

struct Arguments {
  SettingFlags flags;
  std::vector<std::string> codes;
  bool as_json = false;
};

// What the settings make of the catalogue; all faults together.
struct Configured {
  llm::Catalogue catalogue;
  llm::Plan plan;
  llm::Faults faults;
};

Configured configured(const llm::LlmOptions& options) {
  Configured made;
  made.catalogue = llm::load_catalogue(options.catalogue_file, made.faults);
  llm::check_catalogue(made.catalogue, made.faults);
  made.plan = llm::make_plan(options, made.catalogue, base::SystemClock().now(), made.faults);
  return made;
}

// Those of the plan, and what else the catalogue knows.
std::map<std::string, llm::Model> all_models(const Configured& made) {
  std::map<std::string, llm::Model> all(made.plan.models.begin(), made.plan.models.end());
  all.insert(made.catalogue.models.begin(), made.catalogue.models.end());
  return all;
}

std::string tokens(std::int64_t count) {
  if (count < 10'000) return std::to_string(count);
  return count < 1'000'000 ? fmt::format("{}k", count / 1000)
                           : fmt::format("{:.3g}M", static_cast<double>(count) / 1e6);
}

std::string dollars(double price) { return price == 0 ? "0" : fmt::format("{:.4g}", price); }

bool is_retired(const llm::Model& model) {
  const auto left = llm::days_left(model, base::SystemClock().now());
  return left && *left <= 0;
}

std::string_view state_of(const llm::Model& model, const Configured& made, std::span<const std::string> routes) {
  if (is_retired(model)) return "retired";
  if (!llm::missing_setting(model, made.plan.options).empty()) return "no key";
  return routes.empty() ? "ready" : "in use";
}

void print_model(const llm::Model& model, const Configured& made) {
  const auto routes = llm::routes_to(made.plan.routes, model.code);
  fmt::print("{:<22} {:<10} {:<13} {:<13} {:<10} {}\n", model.code, base::name_of(model.vendor),
             fmt::format("{} / {}", dollars(model.price.input), dollars(model.price.output)),
             fmt::format("{} / {}", tokens(model.context_tokens), tokens(model.max_output_tokens)),
             model.retires_on.empty() ? "-" : model.retires_on, state_of(model, made, routes));
  const auto more = [](std::string_view name, std::string_view text) {
    fmt::print("{}\n", wrap(fmt::format("  {} {}", name, text), 80, 4));
  };
  if (model.id != model.code) more("id", model.id);
  if (!routes.empty()) more("answers", fmt::format("{}", fmt::join(routes, ", ")));
  if (!model.fallbacks.empty()) more("falls back to", fmt::format("{}", fmt::join(model.fallbacks, ", ")));
  if (const auto missing = llm::missing_setting(model, made.plan.options); !missing.empty()) more("needs", missing);
}

base::json::value as_json(const llm::Model& model, const Configured& made) {
  const auto routes = llm::routes_to(made.plan.routes, model.code);
  const auto missing = llm::missing_setting(model, made.plan.options);
  auto entry = base::to_json(model);
  auto& object = entry.as_object();
  object["routes"] = base::to_json(routes);
  object["state"] = state_of(model, made, routes);
  object["needs"] = missing.empty() ? base::json::value(nullptr) : base::json::value(missing);
  return entry;
}

int list_models(const Arguments& arguments) {
  LoadedSettings settings;
  load_settings(settings, arguments.flags, process_environment());
  const auto made = configured(settings.values.llm);
  base::json::array list;
  if (!arguments.as_json) {
    fmt::print("{:<22} {:<10} {:<13} {:<13} {:<10} {}\n", "MODEL", "VENDOR", "USD/1M IN/OUT", "CONTEXT/OUT", "RETIRES",
               "STATE");
  }
  for (const auto& [code, model] : all_models(made)) {
    arguments.as_json ? list.push_back(as_json(model, made)) : print_model(model, made);
  }
  if (arguments.as_json) fmt::print("{}\n", base::write_json(list));
  for (const auto& warning : made.plan.warnings) fmt::print(stderr, "purposepath: warning: {}\n", warning);
  llm::throw_faults(made.faults);
  return kOk;
}

std::vector<llm::Model> wanted(const Arguments& arguments, const Configured& made) {
  std::vector<llm::Model> models;
  if (arguments.codes.empty()) {
    for (const auto& [code, model] : made.plan.models) models.push_back(model);
    return models;
  }
  const auto all = all_models(made);
  for (const auto& code : arguments.codes) {
    const auto found = all.find(code);
    if (found == all.end()) {
      std::vector<std::string> known;
      for (const auto& entry : all) known.push_back(entry.first);
      const auto near = base::nearest(code, known);
      throw UsageError(
          fmt::format("there is no model {}{}", code,
                      near.empty() ? "; see purposepath models list" : fmt::format("; did you mean {}?", near)));
    }
    models.push_back(found->second);
  }
  return models;
}

void print_probe(const ModelProbe& probe) {
  if (!probe.error.empty()) {
    fmt::print(
        "{}\n",
        wrap(fmt::format("{:<22} failed after {} ms: {}", probe.model, probe.latency.count(), probe.error), 80, 4));
    return;
  }
  fmt::print("{:<22} {:>6} ms, first text {:>6} ms, {} + {} tokens{}, ${:.6f}\n", probe.model, probe.latency.count(),
             probe.first_text.count(), probe.usage.prompt_tokens, probe.usage.completion_tokens,
             probe.usage.estimated ? " (estimated)" : "", probe.cost_usd);
}

base::json::value as_json(const ModelProbe& probe) {
  const bool ok = probe.error.empty();
  return {{"model", probe.model},
          {"vendor", probe.vendor},
          {"ok", ok},
          {"latency_ms", probe.latency.count()},
          {"first_text_ms", probe.first_text.count()},
          {"prompt_tokens", probe.usage.prompt_tokens},
          {"completion_tokens", probe.usage.completion_tokens},
          {"estimated", probe.usage.estimated},
          {"cost_usd", probe.cost_usd},
          {"error", ok ? base::json::value(nullptr) : base::json::value(probe.error)}};
}

int test_models(const Arguments& arguments) {
  LoadedSettings settings;
  load_settings(settings, arguments.flags, process_environment());
  const auto made = configured(settings.values.llm);
  llm::throw_faults(made.faults);
  base::json::array list;
  bool all_answer = true;
  for (const auto& model : wanted(arguments, made)) {
    const auto probe = probe_model(model, made.plan.options, settings.values.client);
    all_answer = all_answer && probe.error.empty();
    arguments.as_json ? list.push_back(as_json(probe)) : print_probe(probe);
    std::fflush(stdout);
  }
  if (arguments.as_json) fmt::print("{}\n", base::write_json(list));
  return all_answer ? kOk : kFailure;
}

}  // namespace

void add_models(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("models", "Look at the language models, and try them");
  command->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  auto* list = command->add_subcommand("list", "Print every model that is known: prices, limits, routes");
  list->footer(
      "State: in use (a route leads to it), ready (could be used), no key, retired.\n"
      "Prices are those of the catalogue (models.yaml, llm.catalogue_file): check them.\n\n"
      "Examples:\n"
      "  purposepath models list\n"
      "  purposepath models list --set llm.provider=catalogue --json");
  list->callback([arguments, &chosen] { chosen = [arguments] { return list_models(*arguments); }; });
  auto* test = command->add_subcommand("test", "Call models once with a short, harmless question");
  test->add_option("CODE", arguments->codes, "models of `models list` (default: all that the service may ask)");
  test->footer(
      "Costs a fraction of a cent for each. Exit code 1 when one did not answer.\n\n"
      "Examples:\n"
      "  purposepath models test\n"
      "  purposepath models test gpt-6-luna claude-sonnet-5-5 --json");
  test->callback([arguments, &chosen] { chosen = [arguments] { return test_models(*arguments); }; });
  for (auto* below : {list, test}) {
    below->add_flag("--json", arguments->as_json, "print JSON");
    add_setting_flags(*below, arguments->flags);
  }
}

}  // namespace cli
