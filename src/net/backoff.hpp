#pragma once
// How long to wait before another try: pure functions, no waiting in here.
// Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
#include <boost/describe.hpp>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace net {

struct BackoffOptions {
  base::Milliseconds first{500};         // the longest wait before the second try; doubles with each further one
  base::Milliseconds longest{8'000};     // the doubling ends here
  base::Milliseconds patience{120'000};  // a server that asks for more than this is not asked again
};
BOOST_DESCRIBE_STRUCT(BackoffOptions, (), (first, longest, patience))

// The wait after `failures` failed tries (1 or more): random between 0 and the doubling bound, and not less than what
// the server asked for. nullopt: it asked for more than `patience`, do not try again.
std::optional<base::Milliseconds> backoff_delay(const BackoffOptions& options, int failures,
                                                std::optional<base::Milliseconds> retry_after, base::Random& random);

// What a response asks to wait: `retry_after_ms` (milliseconds, OpenAI's header) counts before `retry_after` (seconds or
// an HTTP date, RFC 9110 section 10.2.3). "" means the header is absent; nonsense counts as absent; never negative.
std::optional<base::Milliseconds> parse_retry_after(std::string_view retry_after, std::string_view retry_after_ms,
                                                    base::Time now);

// The three forms of RFC 9110 section 5.6.7; nullopt for anything else.
std::optional<base::Time> parse_http_date(std::string_view text);

}  // namespace net
