#pragma once
// What OpenAI and Azure say about their rate limits with every answer
// (https://platform.openai.com/docs/guides/rate-limits, "Rate limits in headers").
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "net/headers.hpp"

namespace telemetry {
class Gauge;
class Registry;
}  // namespace telemetry

namespace llm {

struct RateLimit {
  std::optional<std::int64_t> remaining;    // until the reset
  std::optional<base::Milliseconds> reset;  // until all of it is there again
};
struct RateLimits {
  RateLimit requests;
  RateLimit tokens;
};

// x-ratelimit-remaining-* and x-ratelimit-reset-*. Absent is nothing, and so is nonsense, such as Azure's -1 of a limit
// that does not exist.
RateLimits read_rate_limits(const net::Headers& headers);

// "20ms", "1s", "6m0s", "1h2m3.5s", "0": https://pkg.go.dev/time#ParseDuration, without signs. nullopt for anything else.
std::optional<base::Milliseconds> parse_go_duration(std::string_view text);

// How long until a refused call may be repeated: the reset of what is used up. nullopt when the headers do not say.
std::optional<base::Milliseconds> wait_for_reset(const RateLimits& limits);

// purposepath_llm_ratelimit_remaining{model,kind}, there from the first answer on that says it. Any thread.
class RateLimitGauges {
 public:
  RateLimitGauges(telemetry::Registry& metrics, std::string model) : metrics_(metrics), model_(std::move(model)) {}
  void show(const RateLimits& limits);

 private:
  void show(std::size_t kind, const RateLimit& limit);

  telemetry::Registry& metrics_;
  std::string model_;  // code in the catalogue
  std::array<std::atomic<telemetry::Gauge*>, 2> gauges_{};
};

}  // namespace llm
