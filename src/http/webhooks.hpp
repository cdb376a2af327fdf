#pragma once
// A tenant's webhooks: translates between HTTP and coaching, and nothing else.
#include "coaching/options.hpp"
#include "http/api.hpp"

namespace http {

// `coaching` must outlive the handlers.
void add_webhooks(Handlers& handlers, const coaching::Coaching& coaching);

}  // namespace http
