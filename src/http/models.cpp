#include "http/models.hpp"

#include "base/json.hpp"

namespace http {
namespace {

namespace json = base::json;

json::value or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

json::value price_of(const llm::Prices& price) {
  const auto or_input = [&](double special) { return special < 0 ? price.input : special; };
  return {{"input", price.input},
          {"output", price.output},
          {"cached_input", or_input(price.cached_input)},
          {"cache_write", or_input(price.cache_write)}};
}

std::string_view status_of(llm::Health::State state) {
  switch (state) {
    case llm::Health::State::healthy: return "healthy";
    case llm::Health::State::degraded: return "degraded";
    case llm::Health::State::unhealthy: break;
  }
  return "unhealthy";
}

base::Task<Response> list_models(llm::Router& router) {
  json::array list;
  for (const auto& state : co_await router.states()) list.push_back(to_json(state));
  co_return Response::json(200, {{"models", std::move(list)}});
}

}  // namespace

json::value to_json(const llm::ModelState& state) {
  const auto& model = *state.model;
  return {{"code", model.code},
          {"vendor", base::name_of(model.vendor)},
          {"id", model.id},
          {"region", or_null(model.region)},
          {"context_tokens", model.context_tokens},
          {"max_output_tokens", model.max_output_tokens},
          {"price", price_of(model.price)},
          {"retires_on", or_null(model.retires_on)},
          {"routes", base::to_json(state.routes)},
          {"fallbacks", base::to_json(model.fallbacks)},
          {"status", status_of(state.health.state)},
          {"reason", or_null(state.health.reason)},
          {"circuit", base::name_of(state.circuit)},
          {"in_flight", state.in_flight},
          {"queued", state.queued},
          {"max_concurrent", model.max_concurrent}};
}

void add_models(Handlers& handlers, llm::Router& router) {
  handlers.emplace("list_models", [&router](const Call&) { return list_models(router); });
}

}  // namespace http
