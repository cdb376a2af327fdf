#include "llm/call_spans.hpp"

#include "base/json.hpp"

namespace llm {
namespace {

using telemetry::Span;
using telemetry::SpanKey;

constexpr std::string_view kChat = "chat";

// As OpenTelemetry names them.
std::string_view system_of(Vendor vendor) {
  switch (vendor) {
    case Vendor::azure: return "az.ai.openai";
    case Vendor::gemini: return "gcp.gemini";
    case Vendor::bedrock: return "aws.bedrock";
    default: return base::name_of(vendor);
  }
}

void set_model(Span& span, const Model& model) {
  span.set(SpanKey::gen_ai_operation_name, kChat);
  span.set(SpanKey::gen_ai_system, system_of(model.vendor));
  span.set(SpanKey::gen_ai_request_model, model.code);
}

}  // namespace

Span begin_call_span(const Request& request, const Model& model, Span::Steady::time_point begin) {
  Span span(request.trace, telemetry::SpanKind::client, kChat, model.code, begin);
  if (!span) return span;
  set_model(span, model);
  span.set(SpanKey::purpose, base::name_of(request.purpose));
  span.set(SpanKey::topic, request.topic);
  span.set(SpanKey::reference, request.reference);
  return span;
}

void end_call_span(Span& span, std::span<const Try> tries, const Reply* reply) {
  if (!span) return;
  base::Milliseconds waited{0};
  for (const auto& one : tries) waited += one.waited;
  span.set(SpanKey::tries, tries.size());
  span.set(SpanKey::waited_ms, waited.count());
  if (reply != nullptr) {
    span.set(SpanKey::gen_ai_response_model, reply->model);
    span.set(SpanKey::gen_ai_usage_input_tokens, reply->usage.prompt_tokens);
    span.set(SpanKey::gen_ai_usage_output_tokens, reply->usage.completion_tokens);
    span.set(SpanKey::cached_tokens, reply->usage.cached_tokens);
    span.set(SpanKey::cost_usd, reply->cost_usd);
  }
  span.end();
}

void end_try_span(Span& span, const Model& model, const Try& tried) {
  if (!span) return;
  set_model(span, model);
  span.set(SpanKey::outcome, tried.outcome);
  span.set(SpanKey::waited_ms, tried.waited.count());
  if (tried.first_token.count() > 0) span.set(SpanKey::first_text_ms, tried.first_token.count());
  if (!tried.reason.empty()) span.set(SpanKey::reason, tried.reason);
  if (tried.outcome != "ok") span.fail(tried.outcome);
  span.end();
}

}  // namespace llm
