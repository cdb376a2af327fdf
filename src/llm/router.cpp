#include "llm/router.hpp"

#include <fmt/format.h>

#include "telemetry/log.hpp"

namespace llm {
namespace {

Model single_model(const LlmOptions& options) {
  Model model;
  Vendor vendor = Vendor::offline;
  if (!boost::describe::enum_from_string(options.provider.c_str(), vendor)) {
    throw base::Error(base::Code::validation_error, fmt::format("unknown provider \"{}\"", options.provider));
  }
  model.vendor = vendor;
  model.code = model.id = options.model;
  model.base_url = options.base_url;
  model.token_parameter = options.token_parameter;
  model.price = {.input = options.price_per_million_input_usd, .output = options.price_per_million_output_usd};
  return model;
}

LlmOptions with_key(LlmOptions options) {
  if (!options.api_key.empty()) options.openai.api_key = options.compatible.api_key = options.api_key;
  return options;
}

}  // namespace

struct Router::State {
  State(const LlmOptions& options_, const ProviderDependencies& deps_)
      : options(with_key(options_)),
        deps(deps_),
        model(single_model(options)),
        provider(make_provider(model, options, deps)) {}
  LlmOptions options;
  ProviderDependencies deps;
  Model model;
  std::unique_ptr<Provider> provider;
};

Router::Router(const LlmOptions& options, const ProviderDependencies& dependencies)
    : state_(std::make_unique<State>(options, dependencies)) {}
Router::~Router() = default;

std::string_view Router::name() const { return state_->provider->name(); }
std::string_view Router::default_model() const { return state_->provider->default_model(); }

base::Task<Reply> Router::complete(const Request& request, const Sink& sink) {
  const Attempt attempt = [&](const Timeouts& left, const Sink& to) -> base::Task<Reply> {
    auto bounded = request;
    bounded.timeouts = left;
    co_return co_await state_->provider->complete(bounded, to);
  };
  auto reply = co_await with_retry(state_->options.retry, state_->deps.random, request.timeouts, sink, attempt);
  reply.model_code = state_->model.code;
  reply.cost_usd = cost_usd(state_->model.price, reply.usage);
  co_return reply;
}

base::Task<Health> Router::health() { co_return co_await state_->provider->health(); }
Quote Router::quote(const Request& request) const { return state_->provider->quote(request); }

base::Task<std::vector<ModelState>> Router::states() {
  std::vector<ModelState> states;
  states.push_back({&state_->model, co_await state_->provider->health()});
  co_return states;
}

}  // namespace llm
