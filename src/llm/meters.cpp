#include "llm/meters.hpp"

#include "base/json.hpp"

namespace llm {
namespace {

telemetry::Counter& calls_of(const Model& model, telemetry::Registry& registry, std::string_view outcome) {
  return registry.counter("purposepath_llm_calls_total", "Tries at models, by outcome.",
                          {{"provider", std::string(base::name_of(model.vendor))},
                           {"model", model.code},
                           {"outcome", std::string(outcome)}});
}

}  // namespace

Meters::Meters(const Model& model, telemetry::Registry& registry)
    : ok(calls_of(model, registry, "ok")),
      unavailable(calls_of(model, registry, "llm_unavailable")),
      timeout(calls_of(model, registry, "llm_timeout")),
      refused(calls_of(model, registry, "llm_error")),
      other(calls_of(model, registry, "other")),
      retries(registry.counter("purposepath_llm_retries_total", "Calls to a model that were tried again.",
                               {{"model", model.code}})),
      fallbacks(registry.counter("purposepath_llm_fallbacks_total", "Calls that went on to another model.",
                                 {{"model", model.code}})),
      prompt_tokens(registry.counter("purposepath_llm_prompt_tokens_total", "Tokens that a model has read.",
                                     {{"model", model.code}})),
      cached_tokens(registry.counter("purposepath_llm_cached_tokens_total",
                                     "Tokens that a model has read from its cache.", {{"model", model.code}})),
      first_text(registry.histogram("purposepath_llm_first_text_seconds",
                                    "From the begin of a try to the first piece of streamed text.",
                                    {{"model", model.code}})),
      breaker_open(registry.gauge("purposepath_llm_breaker_open", "1 while a model is not called because it failed.",
                                  {{"model", model.code}})),
      in_flight(registry.gauge("purposepath_llm_in_flight", "Calls under way at a model.", {{"model", model.code}})),
      queue(registry.gauge("purposepath_llm_queue", "Calls that wait for a place at a model.",
                           {{"model", model.code}})) {}

telemetry::Counter& Meters::calls(base::Code failure) const {
  switch (failure) {
    case base::Code::llm_unavailable: return unavailable;
    case base::Code::llm_timeout: return timeout;
    case base::Code::llm_error: return refused;
    default: return other;
  }
}

}  // namespace llm
