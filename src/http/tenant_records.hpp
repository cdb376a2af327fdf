#pragma once
// What a tenant's administrators can see of their tenant as a whole: who changed what, and everything there is.
#include "coaching/options.hpp"
#include "http/api.hpp"

namespace http {

// `coaching` must outlive the handlers.
void add_tenant_records(Handlers& handlers, const coaching::Coaching& coaching);

}  // namespace http
