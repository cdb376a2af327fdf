#pragma once
// One policy for calling a model again after a failure; every vendor's provider uses it, and a router can.
#include <boost/describe.hpp>
#include <functional>

#include "base/error.hpp"
#include "base/ids.hpp"
#include "llm/provider.hpp"
#include "net/backoff.hpp"

namespace llm {

struct RetryOptions {
  int attempts = 3;  // in all; 1 never retries
  net::BackoffOptions backoff;
};
BOOST_DESCRIBE_STRUCT(RetryOptions, (), (attempts, backoff))

// One try, with the time that is left for it.
using Attempt = std::function<base::Task<Reply>(const Timeouts& left, const Sink& sink)>;
// Told before each wait: what failed, how often so far, how long we wait.
using OnRetry = std::function<void(const base::Error& failure, int failures, base::Milliseconds delay)>;

// Tries until it succeeds, as long as the failure is worth another try (base::retryable), nothing has reached `sink`
// yet, attempts are left, and the wait before the next one ends within timeouts.total, which bounds all attempts
// together. Else throws the last failure. Whatever is no base::Error, such as a cancellation, passes through.
base::Task<Reply> with_retry(const RetryOptions& options, base::Random& random, const Timeouts& timeouts,
                             const Sink& sink, const Attempt& attempt, const OnRetry& on_retry = {});

}  // namespace llm
