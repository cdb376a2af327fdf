#include "llm/rate_limits.hpp"

#include <algorithm>
#include <charconv>

#include "telemetry/metrics.hpp"

namespace llm {
namespace {

constexpr std::array<const char*, 2> kKinds{"requests", "tokens"};
constexpr double kLongestHours = 24.0 * 366;

std::optional<std::int64_t> count(std::string_view text) {
  std::int64_t number = -1;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || number < 0) return {};
  return number;
}

// Milliseconds of the unit at the front of `text`, which is taken off; 0 for none.
double take_unit(std::string_view& text) {
  struct Unit {
    std::string_view name;
    double milliseconds;
  };
  static constexpr std::array<Unit, 8> kUnits{{{"ns", 1e-6},
                                               {"us", 1e-3},
                                               {"µs", 1e-3},  // U+00B5
                                               {"μs", 1e-3},  // U+03BC
                                               {"ms", 1},
                                               {"s", 1e3},
                                               {"m", 60e3},
                                               {"h", 3600e3}}};
  for (const auto& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return unit.milliseconds;
  }
  return 0;
}

// The number at the front of `text`, which is taken off: digits with at most one point. Below zero for none.
double take_number(std::string_view& text) {
  const auto size = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = -1;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + size, number, std::chars_format::fixed);
  if (failed != std::errc() || end != text.data() + size) return -1;
  text.remove_prefix(size);
  return number;
}

RateLimit limit_of(const net::Headers& headers, const char* remaining, const char* reset) {
  return {.remaining = count(headers.find(remaining)), .reset = parse_go_duration(headers.find(reset))};
}

}  // namespace

RateLimits read_rate_limits(const net::Headers& headers) {
  return {.requests = limit_of(headers, "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
          .tokens = limit_of(headers, "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens")};
}

std::optional<base::Milliseconds> parse_go_duration(std::string_view text) {
  if (text == "0") return base::Milliseconds(0);
  if (text.empty()) return {};
  double milliseconds = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    const auto unit = take_unit(text);
    if (number < 0 || unit <= 0) return {};
    milliseconds += number * unit;
  }
  if (milliseconds > kLongestHours * 3600e3) return {};
  // Rounded up: what is to be waited for has not come before.
  const auto whole = static_cast<std::int64_t>(milliseconds);
  return base::Milliseconds(whole + (static_cast<double>(whole) < milliseconds ? 1 : 0));
}

std::optional<base::Milliseconds> wait_for_reset(const RateLimits& limits) {
  std::optional<base::Milliseconds> used_up;  // the later one: both have to be there
  std::optional<base::Milliseconds> soonest;  // when neither says that it is used up
  for (const auto* limit : {&limits.requests, &limits.tokens}) {
    if (!limit->reset || limit->reset->count() == 0) continue;
    if (limit->remaining == 0) used_up = std::max(used_up.value_or(*limit->reset), *limit->reset);
    soonest = std::min(soonest.value_or(*limit->reset), *limit->reset);
  }
  return used_up ? used_up : soonest;
}

void RateLimitGauges::show(const RateLimits& limits) {
  show(0, limits.requests);
  show(1, limits.tokens);
}

void RateLimitGauges::show(std::size_t kind, const RateLimit& limit) {
  if (!limit.remaining) return;
  auto* gauge = gauges_[kind].load(std::memory_order_acquire);
  if (gauge == nullptr) {
    gauge = &metrics_.gauge("purposepath_llm_ratelimit_remaining",
                            "What the vendor lets us do with a model until its next reset, as its last answer said",
                            {{"model", model_}, {"kind", kKinds[kind]}});
    gauges_[kind].store(gauge, std::memory_order_release);
  }
  gauge->set(static_cast<double>(*limit.remaining));
}

}  // namespace llm
