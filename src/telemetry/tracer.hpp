#pragma once
// Spans: what was done, for how long, and because of what. Names and attributes follow OpenTelemetry's semantic
// conventions (https://opentelemetry.io/docs/specs/semconv/). What people said (base::PrivateText) and secrets do not
// convert to an attribute.
#include <atomic>
#include <boost/describe.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bell.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/text.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/trace.hpp"

namespace telemetry {

struct TraceOptions {
  std::string endpoint;  // of a collector that speaks OTLP/HTTP, "http://127.0.0.1:4318"; "": no traces
  base::Secret headers;  // for it, "name=value,name=value", values percent-encoded
  double sample_ratio = 1;  // of traces that begin here, 0 to 1; those of others are recorded when they say so
  std::string service_name = "purposepath";
};
BOOST_DESCRIBE_STRUCT(TraceOptions, (), (endpoint, headers, sample_ratio, service_name))

enum class SpanKind { internal = 1, server = 2, client = 3 };  // numbered as OTLP does

// All attributes that there are.
enum class SpanKey {
  http_request_method,
  http_route,
  http_response_status_code,
  error_type,
  gen_ai_operation_name,
  gen_ai_system,
  gen_ai_request_model,
  gen_ai_response_model,
  gen_ai_usage_input_tokens,
  gen_ai_usage_output_tokens,
  request_id,
  reference,
  turn_id,
  job_id,
  job_attempt,
  topic,
  purpose,
  tries,
  waited_ms,
  first_text_ms,
  cached_tokens,
  cost_usd,
  reason,
  section,
  outcome,
  client_gone,
};
std::string_view name_of(SpanKey key);  // "http.request.method", "purposepath.tries", …

using SpanValue = std::variant<std::string, std::int64_t, double, bool>;

// A span that has ended.
struct SpanRecord {
  TraceContext context;
  SpanId parent_id{};  // all zero: the first of its trace
  std::string name;
  SpanKind kind = SpanKind::internal;
  std::int64_t begin_ns = 0;  // Unix time
  std::int64_t end_ns = 0;
  bool failed = false;
  std::vector<std::pair<SpanKey, SpanValue>> attributes;
  std::optional<TraceContext> link;  // another trace that this one came from
};

// A span under way. Empty, and without cost, where nothing is recorded. Not for several threads at once.
class Span {
 public:
  using Steady = std::chrono::steady_clock;

  Span() noexcept;
  // Inside `parent`, named "chat gpt-6-luna": what is done, and to what.
  Span(const Trace& parent, SpanKind kind, std::string_view what, std::string_view object = {},
       std::optional<Steady::time_point> begin = {});
  Span(Span&& other) noexcept;
  Span& operator=(Span&& other) noexcept;
  ~Span();  // a span that nobody has ended was cancelled

  explicit operator bool() const { return live_ != nullptr; }
  Trace trace() const;  // for what is done inside it

  void set_name(std::string_view what, std::string_view object = {});
  void set(SpanKey key, std::string_view text);  // cut at 256 bytes
  void set(SpanKey key, const std::string& text) { set(key, std::string_view(text)); }
  void set(SpanKey key, const char* text) { set(key, std::string_view(text)); }
  void set(SpanKey key, bool flag) { put(key, flag); }
  void set(SpanKey key, double number) { put(key, number); }
  template <class Integer>
    requires std::is_integral_v<Integer>
  void set(SpanKey key, Integer number) {
    put(key, static_cast<std::int64_t>(number));
  }
  void set(SpanKey key, const base::PrivateText&) = delete;
  void set(SpanKey key, const base::Secret&) = delete;
  void fail(std::string_view error_type);  // a code of ours, or a status
  void end();  // once; what is set later is lost

 private:
  friend class Tracer;
  struct Live;
  void put(SpanKey key, SpanValue value);
  std::unique_ptr<Live> live_;
};

// Decides which traces are recorded, and keeps the spans that ended until somebody takes them. Any thread.
class Tracer {
 public:
  static constexpr std::size_t kBatch = 512;      // so many rouse whoever takes them
  static constexpr std::size_t kMostKept = 8192;  // beyond it spans are dropped, and counted

  Tracer(double sample_ratio, const base::Clock& clock, base::Random& random, Registry& metrics);
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // The first span here of a trace that `traceparent` names, or else of a new one. Empty when it is not recorded: the
  // caller has decided, or chance.
  Span begin(SpanKind kind, std::string_view what, std::string_view traceparent,
             std::optional<Span::Steady::time_point> begin = {});
  // The first span of a trace of its own, with a link to the one that `cause` (a traceparent, or "") names; recorded
  // when that one is.
  Span begin_linked(SpanKind kind, std::string_view what, std::string_view object, std::string_view cause);

  std::vector<SpanRecord> take(std::size_t most);  // the oldest
  std::size_t kept() const;
  base::Bell& many() { return many_; }  // rings when there are kBatch of them
  void count_dropped(std::string_view reason, std::size_t spans);

 private:
  friend class Span;
  void finish(Span::Live& live, Span::Steady::time_point end);
  SpanId new_span_id();
  bool by_chance(const TraceId& id) const;

  const double sample_ratio_;
  const base::Clock& clock_;
  base::Random& random_;
  Registry& metrics_;
  Counter& queue_full_;
  std::atomic<std::int64_t> offset_ns_ = 0;  // from the steady clock to Unix time
  mutable std::mutex mutex_;
  std::deque<SpanRecord> ended_;
  base::Bell many_;
};

}  // namespace telemetry
