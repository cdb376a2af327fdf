#pragma once
// What a caller can be coached on, and how far they are.
#include "coaching/options.hpp"
#include "http/api.hpp"

namespace http {

// `coaching` must outlive the handlers.
void add_topics(Handlers& handlers, const coaching::Coaching& coaching);

}  // namespace http
