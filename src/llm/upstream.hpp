#pragma once
// A model that can be asked, with all that guards it. Shared by all threads.
#include <memory>
#include <vector>

#include "llm/catalogue.hpp"
#include "llm/lane.hpp"
#include "llm/meters.hpp"
#include "llm/provider.hpp"
#include "llm/providers.hpp"
#include "llm/retry_budget.hpp"
#include "net/circuit_breaker.hpp"

namespace llm {

struct Upstream {
  Upstream(Model described, std::unique_ptr<Provider> maker, const LlmOptions& options,
           const ProviderDependencies& deps)
      : model(std::move(described)),
        provider(std::move(maker)),
        meters(model, deps.metrics),
        lane(model.max_concurrent, 2 * model.max_concurrent, meters.in_flight, meters.queue),
        breaker(options.router.breaker, deps.clock),
        budget(options.retry.budget_share, options.retry.budget_per_minute, deps.clock) {}

  const Model model;
  const std::unique_ptr<Provider> provider;
  Meters meters;
  Lane lane;
  net::CircuitBreaker breaker;
  RetryBudget budget;
  std::vector<Upstream*> chain;  // this one, its fallbacks, and theirs
};

}  // namespace llm
