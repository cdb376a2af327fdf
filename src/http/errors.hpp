#pragma once
// How a base::Error leaves the server: its status, its body and the headers that go with it.
#include <string_view>

#include "base/error.hpp"
#include "http/message.hpp"

namespace http {

// The only table from an error code to an HTTP status.
int status_of(base::Code code);

// {"error","message","details","request_id"} by the contract's schema `Error`, with
// - Retry-After (whole seconds, rounded up, at least 1) when error.retry_after is set,
// - WWW-Authenticate on a 401 (RFC 6750, section 3),
// - Allow on a method_not_allowed whose details are {"allow": ["GET", …]}.
// A 500 says only that it happened: its message and details stay inside.
Response to_response(const base::Error& error, std::string_view request_id);

}  // namespace http
