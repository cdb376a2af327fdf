#include "llm/catalogue.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/config.hpp"
#include "base/json.hpp"

namespace llm {
namespace {

bool is_read_by_people(Purpose purpose) {
  return purpose == Purpose::initiation || purpose == Purpose::resumption || purpose == Purpose::reply ||
         purpose == Purpose::analysis;
}

std::string_view code_for(const std::map<std::string, ByTier, std::less<>>& routes, std::string_view name,
                          std::string_view tier) {
  const auto route = routes.find(name);
  if (route == routes.end()) return {};
  const auto code = route->second.find(tier);
  return code == route->second.end() ? std::string_view() : code->second;
}

}  // namespace

double cost_usd(const Prices& prices, const Usage& usage) {
  const auto or_input = [&](double price) { return price < 0 ? prices.input : price; };
  const auto plain = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens;
  const auto tokens = [](std::int64_t count) { return static_cast<double>(count); };
  return (tokens(plain) * prices.input + tokens(usage.cached_tokens) * or_input(prices.cached_input) +
          tokens(usage.cache_write_tokens) * or_input(prices.cache_write) +
          tokens(usage.completion_tokens) * prices.output) /
         1e6;
}

std::int64_t AnswerRoom::tokens_for(const Request& request) const {
  const std::int64_t asked = request.max_tokens;
  return std::max(asked, std::min(asked + reasoning_tokens, max_output_tokens));
}

AnswerRoom room_of(const Model& model) {
  return {model.reasoning_effort == "none" ? 0 : model.reasoning_tokens, model.max_output_tokens};
}

std::string_view Routes::find(Purpose purpose, std::string_view topic, std::string_view tier) const {
  if (std::ranges::find(kTiers, tier) == kTiers.end()) tier = kTiers.front();
  if (is_read_by_people(purpose)) {
    if (const auto code = code_for(topics, topic, tier); !code.empty()) return code;
  }
  if (const auto code = code_for(purposes, base::name_of(purpose), tier); !code.empty()) return code;
  const auto code = standard.find(tier);
  return code == standard.end() ? std::string_view() : code->second;
}

const Model* Catalogue::find(std::string_view code) const {
  const auto found = models.find(code);
  return found == models.end() ? nullptr : &found->second;
}

const Model* Catalogue::find(Vendor vendor, std::string_view id) const {
  for (const auto& [code, model] : models) {
    if (model.vendor == vendor && model.id == id) return &model;
  }
  return nullptr;
}

std::string Catalogue::origin(std::string_view path) const {
  for (; !path.empty(); path = path.substr(0, path.rfind('/'))) {
    if (const auto found = origins.find(path); found != origins.end()) return found->second;
    if (path.find('/') == path.npos) break;
  }
  return "models.yaml (built in)";
}

std::optional<std::int64_t> days_left(const Model& model, base::Time now) {
  if (model.retires_on.empty()) return {};
  const auto day = base::parse_time(model.retires_on + "T00:00:00Z");
  return (std::chrono::floor<std::chrono::days>(day) - std::chrono::floor<std::chrono::days>(now)).count();
}

void throw_faults(const Faults& faults) {
  if (faults.empty()) return;
  base::json::array details;
  for (const auto& fault : faults) details.push_back({{"field", "llm"}, {"message", fault}});
  throw base::ConfigError(
      base::Code::validation_error,
      fmt::format("the models cannot be used as they are configured:\n  {}", fmt::join(faults, "\n  ")),
      std::move(details));
}

}  // namespace llm
