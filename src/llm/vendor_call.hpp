#pragma once
// One call to a vendor over HTTP, plain or streamed: what all vendors have in common. What differs, the bytes of the
// request and of the answer, stands in one <vendor>_wire file pair each, without I/O.
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "llm/failures.hpp"
#include "llm/provider.hpp"
#include "net/http_client.hpp"

namespace aws {
class CredentialChains;
}  // namespace aws

namespace telemetry {
class Log;
class Registry;
}  // namespace telemetry

namespace llm {

// What a provider needs from outside; all of it outlives the provider.
struct ProviderDependencies {
  net::HttpClient& http;
  const base::Clock& clock;
  base::Random& random;
  telemetry::Log& log;
  telemetry::Registry& metrics;
  aws::CredentialChains* credentials = nullptr;  // nullptr: each provider looks for its own
};

// The text of an answer as it grows; each piece goes on to the sink. Throws llm_error instead of taking more than
// kLongestAnswer bytes: no vendor's server may fill our memory.
inline constexpr std::size_t kLongestAnswer = 1024 * 1024;

class AnswerText {
 public:
  AnswerText(std::string_view server, const Sink& sink) : server_(server), sink_(sink) {}  // both outlive it
  void append(std::string_view piece);
  const std::string& text() const { return text_; }
  std::string take() && { return std::move(text_); }

 private:
  std::string_view server_;
  const Sink& sink_;
  std::string text_;
};

// Puts an answer together while it arrives. Throws llm_error or llm_unavailable for what the vendor must not send; what
// its decoder throws (an event beyond all bounds, a frame that is none) becomes llm_error.
class Answer {
 public:
  virtual ~Answer() = default;
  virtual void take_body(std::string_view body) = 0;  // a whole one
  virtual void take_piece(std::string_view bytes) = 0;  // a part of a stream, split anywhere
  virtual bool has_begun() const = 0;  // the model works: text has come, or thoughts
  virtual bool has_finish() const = 0;  // the text is whole; usage may still follow
  virtual bool is_done() const = 0;  // nothing follows
};

struct VendorCall {
  const ProviderDependencies& deps;
  std::string_view server;  // named in errors: the authority, never a path with a key in it
  const telemetry::Trace& trace;  // of the try; a vendor is told when it is recorded
  std::string_view stream_type = "text/event-stream";  // of a streamed answer
  // What an answer with a status other than 200 means; empty: from_status().
  std::function<base::Error(int status, const net::Headers& headers, std::string_view body)> failure;
};

// Sends `request` (its time-outs are set from `timeouts`, its body is freed once it is sent) and hands the answer over:
// to take_piece() when `streamed` and the server did stream, else to take_body(). Returns the answer's headers. Throws
// llm_timeout, llm_unavailable or llm_error; when it returns, the answer is complete (has_finish).
base::Task<net::Headers> call_vendor(const VendorCall& call, net::HttpRequest request, const Timeouts& timeouts,
                                     bool streamed, Answer& answer);

// Throws Error{validation_error} when `value` has a control character: it becomes a header, and a line break, usual at
// the end of a key file, would end the header.
void check_header(std::string_view name, std::string_view value);

// Asks a vendor's cheapest route (GET) whether it answers, at most every ten seconds. 401 and 403 are unhealthy, so are
// 5xx and no connection; 429 is degraded; anything else, 404 for one, is a server that lives. Any thread.
class HealthCheck {
 public:
  base::Task<Health> get(const ProviderDependencies& deps, net::HttpRequest request, std::string_view server);

 private:
  std::mutex mutex_;
  std::optional<Health> last_;
  base::Time asked_{};
};

}  // namespace llm
