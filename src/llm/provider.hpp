#pragma once
// The one interface to a model. Vendors are listed in one switch (llm/providers.cpp); their abilities are data.
#include <boost/describe.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/text.hpp"

namespace llm {

enum class Role { user, assistant };
BOOST_DESCRIBE_ENUM(Role, user, assistant)

struct Message {
  Role role = Role::user;
  base::PrivateText content;
};

// What the answer is for. A vendor may pick parameters by it; the offline coach picks its script by it.
enum class Purpose { initiation, resumption, reply, assessment, extraction, analysis };
BOOST_DESCRIBE_ENUM(Purpose, initiation, resumption, reply, assessment, extraction, analysis)

enum class FinishReason { stop, length, content_filter, refusal };
BOOST_DESCRIBE_ENUM(FinishReason, stop, length, content_filter, refusal)

// Every wait has an end; 0 means no limit (for benchmarks only).
struct Timeouts {
  base::Milliseconds connect{2'000};
  base::Milliseconds first_token{20'000};     // from the request's last byte to the first byte of text
  base::Milliseconds between_tokens{15'000};  // silence inside a stream
  base::Milliseconds total{120'000};
};
BOOST_DESCRIBE_STRUCT(Timeouts, (), (connect, first_token, between_tokens, total))

// References stay valid until the call has returned; the caller owns them.
struct Request {
  Purpose purpose = Purpose::reply;
  std::string model;                     // the vendor's id; "" for the provider's default
  base::PrivateText system;              // byte-stable from turn to turn, so that prompt caching works
  std::vector<Message> messages;         // oldest first; may be empty
  base::PrivateText guidance;            // instructions for this call alone, sent after the messages to keep the
                                         // beginning stable; "" for none
  int max_tokens = 1024;                 // of the answer; always sent
  double temperature = 0.7;
  const boost::json::value* schema = nullptr;  // JSON Schema of the answer; nullptr for plain text
  std::string schema_name;               // [A-Za-z0-9_-], for vendors that want one
  const boost::json::value* script = nullptr;  // the topic's offline.yaml; only the offline coach reads it
  std::string current_phase;             // where the conversation stands; only the offline coach reads it
  Timeouts timeouts;
};

struct Usage {
  std::int64_t prompt_tokens = 0;  // with cached ones
  std::int64_t completion_tokens = 0;
  std::int64_t cached_tokens = 0;
  bool estimated = false;  // the vendor sent no usage; counted by our own estimate
};

struct Reply {
  base::PrivateText text;
  FinishReason finish_reason = FinishReason::stop;
  Usage usage;
  std::string model;                // as the vendor names it
  std::string provider_request_id;  // for support tickets; "" when none came
};

// Called with each piece of text as it arrives, on the caller's io_context. Must not throw.
using Sink = std::function<void(std::string_view)>;

struct Health {
  enum class State { healthy, degraded, unhealthy };
  State state = State::healthy;
  std::string reason;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;           // "offline", "openai", …
  virtual std::string_view default_model() const = 0;  // "offline-coach (rule-based)", "gpt-…"

  // With a sink the answer is streamed, and what the sink saw is a prefix of Reply::text. From the first piece on, the
  // caller may free request.system and request.messages: a model may take its time, and many wait. Throws Error:
  // llm_timeout, llm_unavailable (worth another try: connection, 5xx, 429 with retry_after), llm_error (final: bad
  // request, refused key, nonsense in the answer). Asio cancellation of the awaiting coroutine closes the upstream call.
  // Any io_context thread.
  virtual base::Task<Reply> complete(const Request& request, const Sink& sink) = 0;

  // Cheap, cached for some seconds by the implementation; never throws.
  virtual base::Task<Health> health() = 0;
};

// What a text costs when no exact count is at hand: UTF-8 bytes / 4, rounded up (within ±30 % for English prose).
std::int64_t estimate_tokens(std::string_view text);

}  // namespace llm
