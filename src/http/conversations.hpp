#pragma once
// The conversations of the API: translates between HTTP and coaching, and nothing else.
#include "coaching/options.hpp"
#include "http/api.hpp"

namespace http {

// `coaching` must outlive the handlers. A stream that is silent for `keep_alive` gets a comment line.
void add_conversations(Handlers& handlers, const coaching::Coaching& coaching, base::Milliseconds keep_alive);

}  // namespace http
