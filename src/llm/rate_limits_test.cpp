#include "llm/rate_limits.hpp"

#include <gtest/gtest.h>

#include "telemetry/metrics.hpp"

namespace llm {
namespace {

using namespace std::chrono_literals;

net::Headers headers(std::initializer_list<std::pair<const char*, const char*>> fields) {
  net::Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

TEST(RateLimits, AreReadWithGosDurations) {
  const auto limits = read_rate_limits(headers({{"X-RateLimit-Remaining-Requests", "59"},
                                                {"x-ratelimit-reset-requests", "1s"},
                                                {"x-ratelimit-remaining-tokens", "149984"},
                                                {"x-ratelimit-reset-tokens", "6m0s"}}));
  EXPECT_EQ(limits.requests.remaining, 59);
  EXPECT_EQ(limits.requests.reset, 1'000ms);
  EXPECT_EQ(limits.tokens.remaining, 149'984);
  EXPECT_EQ(limits.tokens.reset, 360'000ms);
}

TEST(RateLimits, AreNothingWhenAbsentOrNonsense) {
  const auto limits = read_rate_limits(headers({{"x-ratelimit-remaining-requests", "-1"},
                                                {"x-ratelimit-reset-requests", "soon"},
                                                {"x-ratelimit-remaining-tokens", "12 thousand"}}));
  EXPECT_EQ(limits.requests.remaining, std::nullopt);
  EXPECT_EQ(limits.requests.reset, std::nullopt);
  EXPECT_EQ(limits.tokens.remaining, std::nullopt);
  EXPECT_EQ(limits.tokens.reset, std::nullopt);
  EXPECT_EQ(wait_for_reset(limits), std::nullopt);
}

struct Duration {
  const char* text;
  std::optional<base::Milliseconds> means;
};

TEST(RateLimits, KnowEveryUnitOfADuration) {
  for (const auto& [text, means] :
       {Duration{"20ms", 20ms}, Duration{"1.5s", 1'500ms},  Duration{"1h2m3.5s", 3'723'500ms},
        Duration{"0", 0ms},     Duration{"0s", 0ms},        Duration{"800us", 1ms},
        Duration{"1µs", 1ms},   Duration{"12m", 720'000ms}, Duration{"7m12.999s", 432'999ms},
        Duration{"", {}},       Duration{"12", {}},         Duration{"s", {}},
        Duration{"-1s", {}},    Duration{"1.2.3s", {}},     Duration{"1s ", {}},
        Duration{"1d", {}},     Duration{"1e3s", {}},       Duration{"99999999999999999999h", {}},
        Duration{".s", {}},     Duration{"1sm", {}}}) {
    EXPECT_EQ(parse_go_duration(text), means) << text;
  }
}

TEST(RateLimits, SayHowLongToWaitForWhatIsUsedUp) {
  const RateLimit plenty{.remaining = 100, .reset = 2'000ms};
  const RateLimit none{.remaining = 0, .reset = 9'000ms};
  const RateLimit none_at_once{.remaining = 0, .reset = 0ms};
  EXPECT_EQ(wait_for_reset({.requests = plenty, .tokens = none}), 9'000ms);
  EXPECT_EQ(wait_for_reset({.requests = none, .tokens = {.remaining = 0, .reset = 12'000ms}}), 12'000ms);
  EXPECT_EQ(wait_for_reset({.requests = plenty, .tokens = {.remaining = 7, .reset = 3'000ms}}), 2'000ms);
  EXPECT_EQ(wait_for_reset({.requests = none_at_once, .tokens = {}}), std::nullopt);
}

TEST(RateLimits, AreShownAsGauges) {
  telemetry::Registry metrics;
  RateLimitGauges gauges(metrics, "gpt");
  gauges.show({});
  EXPECT_EQ(metrics.prometheus_text().find("ratelimit"), std::string::npos);
  gauges.show({.requests = {.remaining = 59}, .tokens = {}});
  gauges.show({.requests = {.remaining = 58}, .tokens = {.remaining = 1000}});
  const auto text = metrics.prometheus_text();
  EXPECT_NE(text.find(R"(purposepath_llm_ratelimit_remaining{model="gpt",kind="requests"} 58)"), text.npos) << text;
  EXPECT_NE(text.find(R"(purposepath_llm_ratelimit_remaining{model="gpt",kind="tokens"} 1000)"), text.npos) << text;
}

}  // namespace
}  // namespace llm
