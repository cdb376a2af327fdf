#include "telemetry/tracer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace telemetry {
namespace {

using Steady = Span::Steady;

constexpr std::size_t kLongestText = 256;
constexpr std::int64_t kClockStepNs = 50'000'000;
constexpr std::string_view kDropped = "purposepath_spans_dropped_total";
constexpr std::string_view kDroppedHelp = "Spans that were recorded and reached no collector, by reason.";

std::int64_t ns(Steady::time_point at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

std::string joined(std::string_view what, std::string_view object) {
  return object.empty() ? std::string(what) : fmt::format("{} {}", what, object);
}

}  // namespace

std::string_view name_of(SpanKey key) {
  switch (key) {
    case SpanKey::http_request_method: return "http.request.method";
    case SpanKey::http_route: return "http.route";
    case SpanKey::http_response_status_code: return "http.response.status_code";
    case SpanKey::error_type: return "error.type";
    case SpanKey::gen_ai_operation_name: return "gen_ai.operation.name";
    case SpanKey::gen_ai_system: return "gen_ai.system";
    case SpanKey::gen_ai_request_model: return "gen_ai.request.model";
    case SpanKey::gen_ai_response_model: return "gen_ai.response.model";
    case SpanKey::gen_ai_usage_input_tokens: return "gen_ai.usage.input_tokens";
    case SpanKey::gen_ai_usage_output_tokens: return "gen_ai.usage.output_tokens";
    case SpanKey::request_id: return "purposepath.request_id";
    case SpanKey::reference: return "purposepath.reference";
    case SpanKey::turn_id: return "purposepath.turn_id";
    case SpanKey::job_id: return "purposepath.job_id";
    case SpanKey::job_attempt: return "purposepath.job_attempt";
    case SpanKey::topic: return "purposepath.topic";
    case SpanKey::purpose: return "purposepath.purpose";
    case SpanKey::tries: return "purposepath.tries";
    case SpanKey::waited_ms: return "purposepath.waited_ms";
    case SpanKey::first_text_ms: return "purposepath.first_text_ms";
    case SpanKey::cached_tokens: return "purposepath.cached_tokens";
    case SpanKey::cost_usd: return "purposepath.cost_usd";
    case SpanKey::reason: return "purposepath.reason";
    case SpanKey::section: return "purposepath.section";
    case SpanKey::outcome: return "purposepath.outcome";
    case SpanKey::client_gone: return "purposepath.client_gone";
  }
  return "";
}

struct Span::Live {
  Tracer& tracer;
  Steady::time_point begin;
  SpanRecord record;
};

Span::Span() noexcept = default;

Span::Span(const Trace& parent, SpanKind kind, std::string_view what, std::string_view object,
           std::optional<Steady::time_point> begin) {
  if (!parent) return;
  live_ = std::make_unique<Live>(*parent.tracer, begin ? *begin : Steady::now(), SpanRecord{});
  auto& record = live_->record;
  record.context = parent.context;
  record.context.span_id = parent.tracer->new_span_id();
  record.parent_id = parent.context.span_id;
  record.name = joined(what, object);
  record.kind = kind;
}

Span::Span(Span&& other) noexcept = default;

Span& Span::operator=(Span&& other) noexcept {
  if (this == &other) return *this;
  Span ended(std::move(*this));  // cancelled, unless it has ended
  live_ = std::move(other.live_);
  return *this;
}

Span::~Span() {
  if (!live_) return;
  fail("cancelled");
  end();
}

Trace Span::trace() const { return live_ ? Trace{&live_->tracer, live_->record.context} : Trace{}; }

void Span::set_name(std::string_view what, std::string_view object) {
  if (live_) live_->record.name = joined(what, object);
}

void Span::set(SpanKey key, std::string_view text) {
  if (live_) put(key, std::string(base::prefix_bytes(text, kLongestText)));
}

// A key that is set again has the newer value, so there are never more attributes than keys.
void Span::put(SpanKey key, SpanValue value) {
  if (!live_) return;
  auto& attributes = live_->record.attributes;
  const auto known = std::ranges::find(attributes, key, &std::pair<SpanKey, SpanValue>::first);
  if (known != attributes.end()) {
    known->second = std::move(value);
  } else {
    attributes.emplace_back(key, std::move(value));
  }
}

void Span::fail(std::string_view error_type) {
  if (!live_) return;
  set(SpanKey::error_type, error_type);
  live_->record.failed = true;
}

void Span::end() {
  if (!live_) return;
  const auto live = std::move(live_);
  live->tracer.finish(*live, Steady::now());
}

Tracer::Tracer(double sample_ratio, const base::Clock& clock, base::Random& random, Registry& metrics)
    : sample_ratio_(sample_ratio),
      clock_(clock),
      random_(random),
      metrics_(metrics),
      queue_full_(metrics.counter(kDropped, kDroppedHelp, {{"reason", "queue_full"}})) {}

SpanId Tracer::new_span_id() {
  SpanId id;
  random_.fill(std::as_writable_bytes(std::span(id)));
  return id;
}

// By the id alone, so that all who see the trace decide alike.
bool Tracer::by_chance(const TraceId& id) const {
  std::uint64_t low = 0;
  for (std::size_t i = 8; i < id.size(); ++i) low = low << 8 | id[i];
  return std::ldexp(static_cast<double>(low >> 11), -53) < sample_ratio_;
}

Span Tracer::begin(SpanKind kind, std::string_view what, std::string_view traceparent,
                   std::optional<Steady::time_point> begin) {
  auto context = traceparent.empty() ? std::nullopt : parse_traceparent(traceparent);
  if (!context) {
    context.emplace();
    random_.fill(std::as_writable_bytes(std::span(context->trace_id)));
    context->sampled = by_chance(context->trace_id);
  }
  if (!context->sampled) return {};
  return Span(Trace{this, *context}, kind, what, {}, begin);
}

Span Tracer::begin_linked(SpanKind kind, std::string_view what, std::string_view object, std::string_view cause) {
  const auto link = parse_traceparent(cause);
  TraceContext context{.sampled = true};
  random_.fill(std::as_writable_bytes(std::span(context.trace_id)));
  if (link ? !link->sampled : !by_chance(context.trace_id)) return {};
  Span span(Trace{this, context}, kind, what, object);
  span.live_->record.link = link;
  return span;
}

// Spans are timed by the steady clock, which has nanoseconds and never steps; where it stands in Unix time is looked up
// anew when the system's clock was set, so that the spans of one trace fit together.
void Tracer::finish(Span::Live& live, Steady::time_point end) {
  const auto unix_now = std::chrono::nanoseconds(clock_.now().time_since_epoch()).count();
  auto offset = offset_ns_.load(std::memory_order_relaxed);
  if (std::abs(unix_now - ns(end) - offset) > kClockStepNs) {
    offset = unix_now - ns(end);
    offset_ns_.store(offset, std::memory_order_relaxed);
  }
  live.record.begin_ns = ns(live.begin) + offset;
  live.record.end_ns = ns(end) + offset;
  bool many = false;
  {
    const std::scoped_lock lock(mutex_);
    if (ended_.size() >= kMostKept) {
      queue_full_.add();
      return;
    }
    ended_.push_back(std::move(live.record));
    many = ended_.size() == kBatch;
  }
  if (many) many_.ring();
}

std::vector<SpanRecord> Tracer::take(std::size_t most) {
  std::vector<SpanRecord> taken;
  const std::scoped_lock lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, ended_.size()));
  taken.assign(std::make_move_iterator(ended_.begin()), std::make_move_iterator(ended_.begin() + count));
  ended_.erase(ended_.begin(), ended_.begin() + count);
  return taken;
}

std::size_t Tracer::kept() const {
  const std::scoped_lock lock(mutex_);
  return ended_.size();
}

void Tracer::count_dropped(std::string_view reason, std::size_t spans) {
  metrics_.counter(kDropped, kDroppedHelp, {{"reason", std::string(reason)}}).add(static_cast<double>(spans));
}

}  // namespace telemetry
