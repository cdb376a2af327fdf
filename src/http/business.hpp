#pragma once
// What is on record about the business of the caller's tenant: to read, and to write where it is kept here.
#include "coaching/business.hpp"
#include "coaching/options.hpp"
#include "http/api.hpp"

namespace http {

// All references must outlive the handlers.
void add_business(Handlers& handlers, const coaching::Coaching& coaching, const coaching::BusinessOptions& options);

}  // namespace http
