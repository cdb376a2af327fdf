#pragma once
// Sends spans to a collector: OTLP over HTTP, as JSON (https://opentelemetry.io/docs/specs/otlp/).
#include <boost/asio/io_context.hpp>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/bell.hpp"
#include "net/http_client.hpp"
#include "telemetry/log.hpp"
#include "telemetry/tracer.hpp"

namespace net {

// Where spans go. Throws Error{validation_error} for options that cannot be used.
Url traces_url(const telemetry::TraceOptions& options);
std::vector<std::pair<std::string, std::string>> trace_headers(const telemetry::TraceOptions& options);

// All of it outlives the exporter.
struct TraceExporterDependencies {
  telemetry::Tracer& tracer;
  HttpClient& http;
  const base::Clock& clock;
  base::Random& random;
  telemetry::Log& log;
  telemetry::Registry& metrics;
};

// Works on a thread of its own: a batch as soon as there are 512 spans, else what there is every 2 seconds. A collector
// that cannot be reached is tried again with backoff; meanwhile the tracer keeps what it has room for, and nobody waits.
class TraceExporter {
 public:
  // Throws what traces_url() and trace_headers() throw.
  TraceExporter(const telemetry::TraceOptions& options, TraceExporterDependencies dependencies);
  ~TraceExporter();  // at once: what was not sent is lost
  TraceExporter(const TraceExporter&) = delete;
  TraceExporter& operator=(const TraceExporter&) = delete;

  void start();  // once
  // Sends what is left, for at most `timeout`, and ends.
  void stop(base::Milliseconds timeout);

 private:
  struct Outcome {
    bool delivered = false;
    bool may_repeat = false;
    std::optional<base::Milliseconds> retry_after;
    std::size_t rejected = 0;  // of what was delivered
    std::string reason;
  };

  base::Task<> run();
  base::Task<> deliver(std::vector<telemetry::SpanRecord> batch);
  base::Task<Outcome> send(const HttpRequest& request);
  base::Task<> pause(base::Milliseconds delay);  // until stop() at the latest
  void lose(std::string_view kind, std::size_t spans, const std::string& reason);

  const std::string service_name_;
  HttpRequest request_;  // all but the body
  TraceExporterDependencies deps_;
  telemetry::Counter& exported_;
  base::Time complained_at_{};
  std::atomic<bool> stopping_ = false;
  base::Bell stopped_;
  std::future<void> ended_;
  boost::asio::io_context context_{1};
  std::thread thread_;
};

}  // namespace net
