#pragma once
// What a verified payload says, and the rules it must keep (RFC 7519, section 4.1; RFC 8725, section 3).
#include <string_view>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "http/secrets.hpp"

namespace http {

struct Accepted {
  Caller caller;
  base::Time until;  // the token's `exp` and the leeway
};

// Throws Error{invalid_token} naming the claim and the rule, never the value. `payload` is JSON text from outside.
Accepted accept_claims(std::string_view payload, const AuthOptions& options, base::Time now);

}  // namespace http
