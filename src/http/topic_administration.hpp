#pragma once
// Topics under version control, for a tenant's administrators.
#include "coaching/options.hpp"
#include "http/api.hpp"

namespace http {

// A role that no issuer of tokens gives: the operator's command line signs it into its own, and may then write what all
// tenants get.
inline constexpr std::string_view kOperatorRole = "purposepath:operator";

// `coaching` must outlive the handlers.
void add_topic_administration(Handlers& handlers, const coaching::Coaching& coaching);

}  // namespace http
