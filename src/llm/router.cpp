#include "llm/router.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/credential_chain.hpp"
#include "base/json.hpp"
#include "llm/plan.hpp"
#include "llm/routed_call.hpp"
#include "llm/tokens.hpp"
#include "llm/upstream_health.hpp"
#include "telemetry/log.hpp"

namespace llm {
namespace {

Plan checked_plan(const LlmOptions& options, const base::Clock& clock) {
  Faults faults;
  const auto catalogue = load_catalogue(options.catalogue_file, faults);
  check_catalogue(catalogue, faults);
  auto plan = make_plan(options, catalogue, clock.now(), faults);
  throw_faults(faults);
  return plan;
}

}  // namespace

struct Router::State {
  State(Plan planned, const ProviderDependencies& deps_, const Make& make)
      : plan(std::move(planned)), credentials(deps_.http, deps_.clock), deps(deps_) {
    deps.credentials = &credentials;
    for (const auto& [code, model] : plan.models) {
      auto provider = make ? make(model) : make_provider(model, plan.options, deps);
      upstreams.emplace(code, std::make_unique<Upstream>(model, std::move(provider), plan.options, deps));
    }
    for (auto& [code, upstream] : upstreams) {
      add_to_chain(*upstream, upstream->chain);
      all.push_back(upstream.get());
    }
    for (auto* upstream : all) {
      if (!routes_to(plan.routes, upstream->model.code).empty()) add_to_chain(*upstream, serving);
    }
  }

  void add_to_chain(Upstream& upstream, std::vector<Upstream*>& chain) {
    if (std::ranges::find(chain, &upstream) != chain.end()) return;
    chain.push_back(&upstream);
    for (const auto& fallback : upstream.model.fallbacks) add_to_chain(*upstreams.at(fallback), chain);
  }

  Upstream& choose(const Request& request) const {
    if (request.model.empty()) {
      return *upstreams.find(plan.routes.find(request.purpose, request.topic, request.tier))->second;
    }
    const auto found = upstreams.find(request.model);
    if (found != upstreams.end()) return *found->second;
    throw base::Error(
        base::Code::validation_error,
        fmt::format("there is no configured model {}; `purposepath models list` names them", request.model));
  }

  Plan plan;
  aws::CredentialChains credentials;  // of all models on Bedrock
  ProviderDependencies deps;
  std::map<std::string, std::unique_ptr<Upstream>, std::less<>> upstreams;  // by code
  std::vector<Upstream*> all;      // in the order of codes
  std::vector<Upstream*> serving;  // those that routes lead to, with their fallbacks
};

Router::Router(const LlmOptions& options, const ProviderDependencies& dependencies, const Make& make)
    : state_(std::make_unique<State>(checked_plan(options, dependencies.clock), dependencies, make)) {
  for (const auto& warning : state_->plan.warnings) {
    dependencies.log.write(telemetry::Level::warn, "llm_catalogue", {{"message", warning}});
  }
}
Router::~Router() = default;

std::string_view Router::name() const { return base::name_of(state_->choose({}).model.vendor); }
std::string_view Router::default_model() const { return state_->choose({}).model.code; }

base::Task<Reply> Router::complete(const Request& request, const Sink& sink) {
  const auto& chosen = state_->choose(request);
  RoutedCall call(state_->plan.options, state_->deps, request, sink);
  const std::span<Upstream* const> chain(chosen.chain);
  co_return co_await call.run(request.model.empty() ? chain : chain.first(1));
}

Quote Router::quote(const Request& request) const {
  const auto& model = state_->choose(request).model;
  const auto prompt = count_prompt(model.encoding, request);
  auto price = model.price;  // the vendor may put all of the prompt into its cache, at a higher price
  price.input = std::max(price.input, price.cache_write);
  const auto most = room_of(model).tokens_for(request);
  return {.model_code = model.code,
          .prompt_tokens = prompt,
          .most_tokens = prompt + most,
          .most_usd = cost_usd(price, {.prompt_tokens = prompt, .completion_tokens = most}),
          .reasoning_usd = cost_usd(price, {.completion_tokens = most - request.max_tokens})};
}

base::Task<Health> Router::health() {
  const auto& upstreams = state_->serving;
  const auto healths = co_await health_of(upstreams);
  const auto is_up = [&](const Upstream* upstream) {
    return healths[static_cast<std::size_t>(std::ranges::find(upstreams, upstream) - upstreams.begin())].state !=
           Health::State::unhealthy;
  };
  std::string down;
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    if (healths[i].state == Health::State::healthy) continue;
    down += fmt::format("{}{}: {}", down.empty() ? "" : "; ", upstreams[i]->model.code, healths[i].reason);
  }
  if (down.empty()) co_return Health{};
  const bool answers = std::ranges::any_of(state_->plan.routes.standard, [&](const auto& route) {
    return std::ranges::any_of(state_->upstreams.at(route.second)->chain, is_up);
  });
  co_return Health{answers ? Health::State::degraded : Health::State::unhealthy, down};
}

base::Task<std::vector<ModelState>> Router::states() {
  const auto& upstreams = state_->all;
  auto healths = co_await health_of(upstreams);
  std::vector<ModelState> states;
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    const auto& upstream = *upstreams[i];
    states.push_back({.model = &upstream.model,
                      .health = std::move(healths[i]),
                      .circuit = upstream.breaker.state(),
                      .in_flight = upstream.lane.in_flight(),
                      .queued = upstream.lane.queued(),
                      .routes = routes_to(state_->plan.routes, upstream.model.code)});
  }
  co_return states;
}

}  // namespace llm
