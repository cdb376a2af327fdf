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
#include "telemetry/trace.hpp"

namespace llm {

enum class Role { user, assistant };
BOOST_DESCRIBE_ENUM(Role, user, assistant)

struct Message {
  Role role = Role::user;
  base::PrivateText content;
};

// What the answer is for. The router picks the model by it, the offline coach its script.
enum class Purpose { initiation, resumption, reply, assessment, extraction, analysis, summary };
BOOST_DESCRIBE_ENUM(Purpose, initiation, resumption, reply, assessment, extraction, analysis, summary)

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

// One try at one model, as it is remembered in logs and in the record of a turn: never with a text of anybody.
struct Try {
  std::string model;          // code in the catalogue
  std::string outcome;        // "ok", else the name of a base::Code
  std::string reason;         // the vendor's own code or status, cut down to what may be logged; "" for none
  base::Milliseconds waited{0};       // for a place in the queue, and before this try
  base::Milliseconds first_token{0};  // from the try's begin; 0 when no text came as a stream
  base::Milliseconds took{0};
};
BOOST_DESCRIBE_STRUCT(Try, (), (model, outcome, reason, waited, first_token, took))
using Trail = std::vector<Try>;

// References stay valid until the call has returned; the caller owns them.
struct Request {
  Purpose purpose = Purpose::reply;
  std::string model;  // a code of the catalogue; "" lets the router choose by purpose, topic and tier
  std::string topic;  // id; only the router reads it, and tier
  std::string tier;
  std::string reference;  // "conv_…", "anls_…", "job_…": what a log line is about
  // In the order in which a model reads them. All but the newest messages and the guidance are the same bytes from turn
  // to turn, so that prompt caching works; the summary changes when old messages move into it.
  base::PrivateText system;
  base::PrivateText summary;  // of what happened before the first of `messages`; "" for none
  std::vector<Message> messages;  // oldest first; may be empty
  base::PrivateText guidance;  // instructions for this call alone; "" for none
  int max_tokens = 1024;  // of the answer, without thoughts; always sent
  double temperature = 0.7;
  const boost::json::value* schema = nullptr;  // JSON Schema of the answer; nullptr for plain text
  std::string schema_name;  // [A-Za-z0-9_-], for vendors that want one
  const boost::json::value* script = nullptr;  // the topic's offline.yaml; only the offline coach reads it
  const boost::json::value* input = nullptr;  // of an analysis: its checked request; only the offline coach reads it
  std::string current_phase;  // where the conversation stands; only the offline coach reads it
  mutable Timeouts timeouts;  // the router shortens `total` for a further try, and puts it back at the end
  mutable telemetry::Trace trace;  // what asks; while a model is tried, the try, and then again what asked
  Trail* trail = nullptr;  // where the router notes each try, also of a call that fails; the caller's
};

struct Usage {
  std::int64_t prompt_tokens = 0;  // all that the model read: with those from and those put into its cache
  std::int64_t completion_tokens = 0;  // with those it reasoned with
  std::int64_t cached_tokens = 0;  // of the prompt: read from the cache, at its lower price
  std::int64_t cache_write_tokens = 0;  // of the prompt: put into the cache, at its higher price
  bool estimated = false;  // the vendor sent no usage; counted by our own estimate
};

struct Reply {
  base::PrivateText text;
  FinishReason finish_reason = FinishReason::stop;
  Usage usage;
  std::string model;  // as the vendor names it
  std::string model_code;  // in the catalogue; "" when no router was asked
  double cost_usd = 0;  // by the catalogue's prices; the router fills it in
  std::string provider_request_id;  // for support tickets; "" when none came
};

// What a call is going to need, before it is made: for budgets.
struct Quote {
  std::string model_code;  // who would be asked first
  std::int64_t prompt_tokens = 0;  // estimated
  std::int64_t most_tokens = 0;  // prompt, thoughts and the longest answer
  double most_usd = 0;
  double reasoning_usd = 0;  // of it: for thoughts, which the model may need
};

// Called with each piece of text as it arrives, on the caller's io_context. Must not throw.
using Sink = std::function<void(std::string_view)>;

struct Health {
  enum class State { healthy, degraded, unhealthy };
  State state = State::healthy;
  std::string reason;
};

// A vendor's provider is one model of the catalogue and makes one try; the router is a Provider too, and makes as many as
// it takes. Callers see no difference.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;  // "offline", "openai", …
  virtual std::string_view default_model() const = 0;  // "offline-coach (rule-based)", "gpt-…"

  // With a sink the answer is streamed, and what the sink saw is a prefix of Reply::text. From the first piece on, the
  // caller may free request.system, request.summary and request.messages: a model may take its time, and many wait.
  // Throws Error: llm_timeout, llm_unavailable (worth another try: connection, 5xx, 429 with retry_after), llm_error
  // (final: bad request, refused key, nonsense in the answer). Asio cancellation of the awaiting coroutine closes the
  // upstream call. Any io_context thread.
  virtual base::Task<Reply> complete(const Request& request, const Sink& sink) = 0;

  // Cheap, cached for some seconds by the implementation; never throws.
  virtual base::Task<Health> health() = 0;

  // Never throws. Without a router nothing has a price.
  virtual Quote quote(const Request& request) const;
};

// Of everything in a request that a model reads, by estimate_tokens; count_prompt (tokens.hpp) is exact.
std::int64_t estimate_prompt(const Request& request);

// What a text costs when no exact count is at hand: UTF-8 bytes / 4, rounded up (within ±30 % for English prose).
std::int64_t estimate_tokens(std::string_view text);

}  // namespace llm
