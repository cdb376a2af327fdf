#pragma once
#include <boost/describe.hpp>

#include "base/clock.hpp"
#include "net/circuit_breaker.hpp"

namespace llm {

struct RouterOptions {
  base::Milliseconds queue_wait{5'000};  // for a place at a model that has its most calls under way
  // A model with a fallback is not waited for longer than this, whatever it asks for.
  base::Milliseconds patience_with_fallback{3'000};
  std::int64_t max_concurrent = 256;  // calls at once of a model that the catalogue does not know; 0: no limit
  net::CircuitBreakerOptions breaker;
};
BOOST_DESCRIBE_STRUCT(RouterOptions, (), (queue_wait, patience_with_fallback, max_concurrent, breaker))

}  // namespace llm
