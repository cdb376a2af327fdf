#pragma once
// What happened, as a stream of server-sent events. The id of an event is its own; any process can go on after it.
#include "base/clock.hpp"
#include "coaching/options.hpp"
#include "http/api.hpp"

namespace http {

// `coaching` must outlive the handlers. A comment line is sent every `keep_alive` in which there is no event.
void add_events(Handlers& handlers, const coaching::Coaching& coaching, base::Milliseconds keep_alive);

}  // namespace http
