#pragma once
#include <vector>

#include "base/async.hpp"
#include "llm/upstream.hpp"

namespace llm {

// Asks all of them at once, and waits for at most a second and a half. A model that rests because it failed is not asked.
// In the order of `upstreams`, which must outlive the io_context: a late check goes on after nobody waits for it.
base::Task<std::vector<Health>> health_of(std::vector<Upstream*> upstreams);

}  // namespace llm
