#include "telemetry/otlp.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace telemetry {
namespace {

namespace json = base::json;

constexpr int kStatusError = 2;

// 64-bit numbers are strings there, as in all JSON of Protocol Buffers.
json::object value_of(const std::string& text) { return {{"stringValue", text}}; }
json::object value_of(std::int64_t number) { return {{"intValue", std::to_string(number)}}; }
json::object value_of(double number) { return {{"doubleValue", number}}; }
json::object value_of(bool flag) { return {{"boolValue", flag}}; }

json::array attributes_of(const SpanRecord& span) {
  json::array list;
  for (const auto& [key, value] : span.attributes) {
    list.push_back(
        {{"key", name_of(key)}, {"value", std::visit([](const auto& one) { return value_of(one); }, value)}});
  }
  return list;
}

json::object span_of(const SpanRecord& span) {
  json::object object{{"traceId", to_hex(span.context.trace_id)},
                      {"spanId", to_hex(span.context.span_id)},
                      {"name", span.name},
                      {"kind", static_cast<int>(span.kind)},
                      {"startTimeUnixNano", std::to_string(span.begin_ns)},
                      {"endTimeUnixNano", std::to_string(span.end_ns)},
                      {"attributes", attributes_of(span)}};
  if (span.parent_id != SpanId{}) object["parentSpanId"] = to_hex(span.parent_id);
  if (span.failed) object["status"] = json::object{{"code", kStatusError}};
  if (span.link) {
    object["links"] =
        json::array{json::object{{"traceId", to_hex(span.link->trace_id)}, {"spanId", to_hex(span.link->span_id)}}};
  }
  return object;
}

json::object text_attribute(std::string_view key, std::string_view text) {
  return {{"key", key}, {"value", json::object{{"stringValue", text}}}};
}

}  // namespace

std::string otlp_json(std::span<const SpanRecord> spans, std::string_view service_name) {
  json::array list;
  list.reserve(spans.size());
  for (const auto& span : spans) list.push_back(span_of(span));
  const json::object scope{{"name", "purposepath"}, {"version", PURPOSEPATH_VERSION}};
  const json::object resource{{"attributes", json::array{text_attribute("service.name", service_name),
                                                         text_attribute("service.version", PURPOSEPATH_VERSION)}}};
  const json::object scope_spans{{"scope", scope}, {"spans", std::move(list)}};
  const json::object resource_spans{{"resource", resource}, {"scopeSpans", json::array{scope_spans}}};
  return base::write_json(json::object{{"resourceSpans", json::array{resource_spans}}});
}

}  // namespace telemetry
