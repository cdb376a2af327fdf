#pragma once
// The one way to a model: chooses it (purpose, topic and tier), and gets an answer out of it or out of its fallbacks.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llm/providers.hpp"

namespace llm {

// A model as it stands now, for operators.
struct ModelState {
  const Model* model = nullptr;  // lives as long as the router
  Health health;
};

// Made once, before any call; any io_context thread may call.
class Router final : public Provider {
 public:
  // Throws Error{validation_error} naming the option, or the catalogue's line, that cannot be used.
  Router(const LlmOptions& options, const ProviderDependencies& dependencies);
  ~Router() override;

  std::string_view name() const override;           // the vendor of the model that replies by default
  std::string_view default_model() const override;  // its code

  base::Task<Reply> complete(const Request& request, const Sink& sink) override;
  base::Task<Health> health() override;  // healthy while any model is
  Quote quote(const Request& request) const override;

  base::Task<std::vector<ModelState>> states();  // of every model that is configured

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace llm
