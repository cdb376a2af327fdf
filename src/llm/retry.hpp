#pragma once
// What a failed call to a model calls for: another try, another model, or telling the caller.
#include <boost/describe.hpp>

#include "base/error.hpp"
#include "net/backoff.hpp"

namespace llm {

struct RetryOptions {
  int attempts = 3;  // at one model, in all; 1 never retries
  net::BackoffOptions backoff;
  double budget_share = 0.1;     // of a model's calls may be retries,
  double budget_per_minute = 10;  // and so many a minute besides
};
BOOST_DESCRIBE_STRUCT(RetryOptions, (), (attempts, backoff, budget_share, budget_per_minute))

enum class Remedy {
  retry,          // the model may answer when it is asked again
  another_model,  // this one will not: it is gone, or its key, quota or answer is bad
  none,           // the request itself is refused: no model will take it
};

Remedy remedy_for(const base::Error& error);

// What may be logged of a failure: the status and the vendor's own code, "503", "429 insufficient_quota", or "".
std::string reason_of(const base::Error& error);

}  // namespace llm
