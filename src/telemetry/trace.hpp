#pragma once
// Where a piece of work stands in a trace, by W3C Trace Context (https://www.w3.org/TR/trace-context/). What is recorded:
// tracer.hpp.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace telemetry {

class Tracer;

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  bool sampled = false;
  bool operator==(const TraceContext&) const = default;
};

// nullopt for a `traceparent` header that is malformed: it counts as absent. Versions to come are read as far as they
// begin like this one.
std::optional<TraceContext> parse_traceparent(std::string_view text);
std::string format_traceparent(const TraceContext& context);
std::string to_hex(std::span<const std::uint8_t> id);  // lower case

// The span that further ones belong to; handed on by value with the work. Without a tracer nothing is recorded.
struct Trace {
  Tracer* tracer = nullptr;  // outlives all work
  TraceContext context;

  explicit operator bool() const { return tracer != nullptr; }
  // For outgoing calls and log lines; "" when nothing is recorded.
  std::string traceparent() const { return tracer == nullptr ? std::string() : format_traceparent(context); }
  std::string trace_id() const { return tracer == nullptr ? std::string() : to_hex(context.trace_id); }
};

}  // namespace telemetry
