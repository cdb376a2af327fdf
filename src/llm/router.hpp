#pragma once
// The one way to a model: chooses it (purpose, topic and tier), and gets an answer out of it or out of its fallbacks.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llm/providers.hpp"
#include "net/circuit_breaker.hpp"

namespace llm {

// A model as it stands now, for operators.
struct ModelState {
  const Model* model = nullptr;  // lives as long as the router
  Health health;
  net::CircuitState circuit = net::CircuitState::closed;
  std::int64_t in_flight = 0;
  std::int64_t queued = 0;
  std::vector<std::string> routes;  // that lead to it: "default.premium", "assessment", "topics.vision"
};

// Made once, before any call; any io_context thread may call.
class Router final : public Provider {
 public:
  // For tests; the models' vendors by default.
  using Make = std::function<std::unique_ptr<Provider>(const Model&)>;

  // Throws base::ConfigError naming every option, and every line of the catalogue, that cannot be used.
  Router(const LlmOptions& options, const ProviderDependencies& dependencies, const Make& make = {});
  ~Router() override;

  std::string_view name() const override;           // the vendor of the model that replies by default
  std::string_view default_model() const override;  // its code

  // Request::model, when set, is the one that is asked, and no other: its fallbacks are left alone. A failure that
  // another model may not share is answered by the model's fallbacks, as long as nothing has reached `sink`.
  // timeouts.total bounds all tries and waits together, the others each try.
  base::Task<Reply> complete(const Request& request, const Sink& sink) override;

  // Healthy while all models with a route and their fallbacks are, degraded while one that replies by default is.
  // The reason names those that are down.
  base::Task<Health> health() override;
  Quote quote(const Request& request) const override;

  base::Task<std::vector<ModelState>> states();  // of every model that is configured, by code

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace llm
