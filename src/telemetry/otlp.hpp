#pragma once
// Spans as OpenTelemetry's protocol has them, in its JSON form (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
#include <span>
#include <string>
#include <string_view>

#include "telemetry/tracer.hpp"

namespace telemetry {

// An ExportTraceServiceRequest.
std::string otlp_json(std::span<const SpanRecord> spans, std::string_view service_name);

}  // namespace telemetry
