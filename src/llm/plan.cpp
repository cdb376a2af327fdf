#include "llm/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

namespace llm {
namespace {

constexpr std::int64_t kWarnDays = 60;
constexpr std::string_view kByCatalogue = "catalogue";

using Codes = std::set<std::string, std::less<>>;

std::optional<Vendor> vendor_of(const LlmOptions& options, Faults& faults) {
  Vendor vendor = Vendor::offline;
  if (boost::describe::enum_from_string(options.provider.c_str(), vendor)) return vendor;
  std::vector<std::string_view> names{kByCatalogue};
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<Vendor>>([&](auto d) { names.emplace_back(d.name); });
  const auto near = base::nearest(options.provider, names);
  faults.push_back(fmt::format(
      "llm.provider: unknown provider \"{}\"{}", options.provider,
      near.empty() ? fmt::format("; known are {}", fmt::join(names, ", ")) : fmt::format("; did you mean {}?", near)));
  return {};
}

template <class Section>
void move_to(Section& section, const LlmOptions& options) {
  if (!options.base_url.empty()) section.base_url = options.base_url;
  if (!options.api_key.empty()) section.api_key = options.api_key;
}

void move_to_vendor(LlmOptions& options, Vendor vendor) {
  switch (vendor) {
    case Vendor::offline: return;
    case Vendor::openai: return move_to(options.openai, options);
    case Vendor::azure: return move_to(options.azure, options);
    case Vendor::compatible: return move_to(options.compatible, options);
    case Vendor::anthropic: return move_to(options.anthropic, options);
    case Vendor::gemini: return move_to(options.gemini, options);
    case Vendor::bedrock: return move_to(options.bedrock, options);
  }
}

// What can be said of a model that nobody described: little, so nothing is sent to it that some models refuse.
Model unknown_model(const LlmOptions& options, Vendor vendor, const std::string& id) {
  const bool openai = vendor == Vendor::openai || vendor == Vendor::azure || vendor == Vendor::compatible;
  auto model = openai ? openai_defaults(vendor, id) : Model{.code = id, .vendor = vendor, .id = id};
  if (!openai) model.temperature = false;
  if (vendor == Vendor::bedrock) model.structured = StructuredOutput::tool;
  model.max_concurrent = options.router.max_concurrent;
  return model;
}

Model short_form(const LlmOptions& options, const Catalogue& catalogue, Vendor vendor, const std::string& name) {
  const auto* known = catalogue.find(name);
  if (known == nullptr || known->vendor != vendor) known = catalogue.find(vendor, name);
  auto model = known != nullptr ? *known : unknown_model(options, vendor, name);
  model.fallbacks.clear();  // one model was asked for
  if (!options.base_url.empty()) model.retires_on.clear();  // another server keeps it as long as it likes
  if (!options.token_parameter.empty()) model.token_parameter = options.token_parameter;
  if (options.price_per_million_input_usd > 0 || options.price_per_million_output_usd > 0) {
    model.price = {.input = options.price_per_million_input_usd, .output = options.price_per_million_output_usd};
  }
  return model;
}

ByTier for_all_tiers(const std::string& code) {
  ByTier route;
  for (const auto tier : kTiers) route.emplace(tier, code);
  return route;
}

Plan one_vendor(const LlmOptions& options, const Catalogue& catalogue, Vendor vendor) {
  Plan plan{.options = options};
  move_to_vendor(plan.options, vendor);
  const auto add = [&](const std::string& name) {
    auto model = short_form(options, catalogue, vendor, name);
    const auto code = model.code;
    plan.models.insert_or_assign(code, std::move(model));
    return code;
  };
  plan.routes.standard = for_all_tiers(add(vendor == Vendor::offline ? "offline" : options.model));
  if (vendor != Vendor::offline && !options.assessment_model.empty()) {
    const auto small = for_all_tiers(add(options.assessment_model));
    plan.routes.purposes = {{"assessment", small}, {"summary", small}};
  }
  return plan;
}

Codes routed(const Routes& routes) {
  Codes codes;
  const auto add = [&](const ByTier& by_tier) {
    for (const auto& [tier, code] : by_tier) codes.insert(code);
  };
  add(routes.standard);
  for (const auto& [purpose, by_tier] : routes.purposes) add(by_tier);
  for (const auto& [topic, by_tier] : routes.topics) add(by_tier);
  return codes;
}

// What routes need and nobody has the key for: one fault for each setting.
void need_settings(const Plan& plan, const Codes& needed, const Catalogue& catalogue, Faults& faults) {
  std::map<std::string, std::vector<std::string>> missing;
  for (const auto& code : needed) {
    const auto* model = catalogue.find(code);
    if (model == nullptr) continue;
    if (const auto setting = missing_setting(*model, plan.options); !setting.empty()) missing[setting].push_back(code);
  }
  for (const auto& [setting, codes] : missing) {
    faults.push_back(
        fmt::format("{}: has no value, but routes lead to {}; set it, or lead the routes elsewhere by a file "
                    "of your own (llm.catalogue_file)",
                    setting, fmt::join(codes, ", ")));
  }
}

Plan by_catalogue(const LlmOptions& options, const Catalogue& catalogue, Faults& faults) {
  Plan plan{.options = options, .routes = catalogue.routes};
  need_settings(plan, routed(plan.routes), catalogue, faults);
  for (const auto& [code, model] : catalogue.models) {
    if (missing_setting(model, options).empty()) plan.models.emplace(code, model);
  }
  return plan;
}

// Routed models and whatever they fall back to.
Codes in_use(const Plan& plan) {
  auto codes = routed(plan.routes);
  std::vector<std::string> open(codes.begin(), codes.end());
  while (!open.empty()) {
    const auto code = std::move(open.back());
    open.pop_back();
    const auto model = plan.models.find(code);
    if (model == plan.models.end()) continue;
    for (const auto& fallback : model->second.fallbacks) {
      if (codes.insert(fallback).second) open.push_back(fallback);
    }
  }
  return codes;
}

// In the binary's own list a model may have gone since the binary was made; that matters when somebody wants it. One in
// the operator's file is the operator's to take out.
void check_retirement(Plan& plan, const Catalogue& catalogue, base::Time now, Faults& faults) {
  const auto used = in_use(plan);
  Codes checked = used;
  for (const auto& [code, origin] : catalogue.origins) {
    if (code.starts_with("models/") && origin.find("built in") == origin.npos) checked.insert(code.substr(7));
  }
  for (const auto& code : checked) {
    const auto mine = plan.models.find(code);
    const auto* model = mine != plan.models.end() ? &mine->second : catalogue.find(code);
    const auto left = model == nullptr ? std::nullopt : days_left(*model, now);
    if (!left || *left > kWarnDays) continue;
    const auto where = catalogue.origin("models/" + code);
    if (*left <= 0) {
      faults.push_back(
          fmt::format("{}: the model {} is retired since {}; choose another one", where, code, model->retires_on));
    } else if (used.contains(code)) {
      plan.warnings.push_back(fmt::format("the model {} retires on {}, in {} days", code, model->retires_on, *left));
    }
  }
  std::erase_if(plan.models, [&](const auto& entry) {
    const auto left = days_left(entry.second, now);
    return left && *left <= 0;
  });
}

void drop_unreachable_fallbacks(Plan& plan) {
  const auto used = in_use(plan);
  for (auto& [code, model] : plan.models) {
    for (const auto& fallback : model.fallbacks) {
      if (plan.models.contains(fallback) || !used.contains(code)) continue;
      plan.warnings.push_back(
          fmt::format("the model {} cannot fall back to {}, whose vendor is not configured", code, fallback));
    }
    std::erase_if(model.fallbacks, [&](const std::string& fallback) { return !plan.models.contains(fallback); });
  }
}

bool in_environment(std::initializer_list<const char*> names) {
  return std::ranges::any_of(names, [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  });
}

// A server of one's own may do without a key; the vendor's own does not.
template <class Options>
bool wants_key(const Model& model, const Options& options) {
  return options.api_key.empty() && model.base_url.empty() && options.base_url == Options{}.base_url;
}

}  // namespace

Plan make_plan(const LlmOptions& options, const Catalogue& catalogue, base::Time now, Faults& faults) {
  Plan plan;
  if (options.provider == kByCatalogue) {
    plan = by_catalogue(options, catalogue, faults);
  } else if (const auto vendor = vendor_of(options, faults)) {
    plan = one_vendor(options, catalogue, *vendor);
    const auto& model = plan.models.begin()->second;
    if (*vendor != Vendor::offline && options.model.empty()) {
      faults.push_back(
          fmt::format("llm.model: no model is configured; set it to one that {} serves", options.provider));
    } else if (const auto setting = missing_setting(model, plan.options); !setting.empty()) {
      faults.push_back(fmt::format("{}: has no value, but llm.provider is {}", setting, options.provider));
    }
  }
  check_retirement(plan, catalogue, now, faults);
  drop_unreachable_fallbacks(plan);
  return plan;
}

std::string missing_setting(const Model& model, const LlmOptions& options) {
  switch (model.vendor) {
    case Vendor::offline: return {};
    case Vendor::openai: return wants_key(model, options.openai) ? "llm.openai.api_key" : "";
    case Vendor::anthropic: return wants_key(model, options.anthropic) ? "llm.anthropic.api_key" : "";
    case Vendor::gemini: return wants_key(model, options.gemini) ? "llm.gemini.api_key" : "";
    case Vendor::azure:
      if (options.azure.base_url.empty() && model.base_url.empty()) return "llm.azure.base_url";
      return options.azure.api_key.empty() ? "llm.azure.api_key" : "";
    case Vendor::compatible:
      return options.compatible.base_url.empty() && model.base_url.empty() ? "llm.compatible.base_url" : "";
    case Vendor::bedrock: break;
  }
  const auto& bedrock = options.bedrock;
  const bool set = !bedrock.region.empty() || !bedrock.base_url.empty() || !bedrock.profile.empty() ||
                   !bedrock.api_key.empty() || !model.region.empty();
  if (set || in_environment({"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"})) return {};
  return "llm.bedrock.region";
}

std::vector<std::string> routes_to(const Routes& routes, std::string_view code) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name, const ByTier& by_tier) {
    const auto hits = std::ranges::count_if(by_tier, [&](const auto& entry) { return entry.second == code; });
    if (hits == std::ssize(kTiers)) return names.push_back(name);
    for (const auto tier : kTiers) {
      const auto found = by_tier.find(tier);
      if (found != by_tier.end() && found->second == code) names.push_back(fmt::format("{}.{}", name, tier));
    }
  };
  add("default", routes.standard);
  for (const auto& [purpose, by_tier] : routes.purposes) add(purpose, by_tier);
  for (const auto& [topic, by_tier] : routes.topics) add("topics." + topic, by_tier);
  return names;
}

}  // namespace llm
