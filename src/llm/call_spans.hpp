#pragma once
// What a trace tells of a call to a model: a span for the call, and inside it one for each try.
#include <span>

#include "llm/catalogue.hpp"
#include "llm/provider.hpp"
#include "telemetry/tracer.hpp"

namespace llm {

// "chat <model>", by the model that is asked first.
telemetry::Span begin_call_span(const Request& request, const Model& model, telemetry::Span::Steady::time_point begin);
// `tries`: of this call; `reply`: nullptr when none came.
void end_call_span(telemetry::Span& span, std::span<const Try> tries, const Reply* reply);
void end_try_span(telemetry::Span& span, const Model& model, const Try& tried);

}  // namespace llm
