#pragma once
// What models cost: for whoever pays it, and for each user what is theirs.
#include "coaching/options.hpp"
#include "coaching/usage.hpp"
#include "http/api.hpp"

namespace http {

// `coaching` must outlive the handlers.
void add_usage(Handlers& handlers, const coaching::Coaching& coaching);

// A report by the contract's names; the command line prints it too.
base::json::object usage_body(const coaching::UsageReport& report);

}  // namespace http
