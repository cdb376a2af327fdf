#pragma once
// A model's metrics, looked up once.
#include <array>

#include "base/error.hpp"
#include "llm/catalogue.hpp"
#include "telemetry/metrics.hpp"

namespace llm {

struct Meters {
  Meters(const Model& model, telemetry::Registry& registry);

  telemetry::Counter& calls(base::Code failure) const;

  telemetry::Counter& ok;
  telemetry::Counter& unavailable;
  telemetry::Counter& timeout;
  telemetry::Counter& refused;  // llm_error
  telemetry::Counter& other;
  telemetry::Counter& retries;
  telemetry::Counter& fallbacks;  // away from this model
  telemetry::Counter& prompt_tokens;
  telemetry::Counter& cached_tokens;
  telemetry::Histogram& first_text;
  telemetry::Gauge& breaker_open;
  telemetry::Gauge& in_flight;
  telemetry::Gauge& queue;
};

}  // namespace llm
