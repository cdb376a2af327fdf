#pragma once
// The analyses of the API: translates between HTTP and coaching, and nothing else.
#include "coaching/analysis.hpp"
#include "http/api.hpp"

namespace http {

// As it is shown: the result's own members stand beside those that all analyses have.
base::json::object analysis_body(const coaching::Analysis& analysis);

// `coaching` must outlive the handlers.
void add_analyses(Handlers& handlers, const coaching::Coaching& coaching);

}  // namespace http
