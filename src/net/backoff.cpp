#include "net/backoff.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>

#include "base/text.hpp"

namespace net {
namespace {

using base::Milliseconds;

constexpr double kLongestAskedMs = 1e12;  // some thirty years: keeps the sums below far from overflow

std::optional<Milliseconds> parse_amount(std::string_view text, double unit_ms) {
  double amount = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(amount) || amount < 0) return {};
  return Milliseconds(static_cast<std::int64_t>(std::ceil(std::min(amount * unit_ms, kLongestAskedMs))));
}

}  // namespace

std::optional<Milliseconds> backoff_delay(const BackoffOptions& options, int failures,
                                          std::optional<Milliseconds> retry_after, base::Random& random) {
  if (retry_after && *retry_after > options.patience) return {};
  const int doublings = std::clamp(failures - 1, 0, 30);
  const auto first = std::max<std::int64_t>(options.first.count(), 0);
  const auto bound = std::min<std::int64_t>(first << doublings, options.longest.count());
  const auto jitter = Milliseconds(static_cast<std::int64_t>(random.uniform() * static_cast<double>(bound)));
  return std::max(jitter, retry_after.value_or(Milliseconds(0)));
}

std::optional<Milliseconds> parse_retry_after(std::string_view retry_after, std::string_view retry_after_ms,
                                              base::Time now) {
  if (const auto exact = parse_amount(base::trim(retry_after_ms), 1)) return exact;
  const auto text = base::trim(retry_after);
  if (const auto seconds = parse_amount(text, 1000)) return seconds;
  const auto date = parse_http_date(text);
  if (!date) return {};
  return std::max(*date - now, Milliseconds(0));
}

std::optional<base::Time> parse_http_date(std::string_view text) {
  const std::string copy(text);
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = strptime(copy.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return base::Time(std::chrono::seconds(timegm(&parts)));
  }
  return {};
}

}  // namespace net
