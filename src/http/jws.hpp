#pragma once
// Compact JSON Web Signatures (RFC 7515) with HS256, the only algorithm here: one key, one algorithm.
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/text.hpp"

namespace http {

inline constexpr std::size_t kMaxTokenBytes = 8192;

// Header and payload with their signature. Any thread.
std::string sign(const base::json::object& payload, const base::Secret& secret);

// The payload of a token whose header asks for HS256 and whose signature is right under `secret`, else nullopt. Only
// the signature: what the payload says is not looked at. Safe on any bytes. Any thread.
std::optional<std::string> verify_signature(std::string_view token, const base::Secret& secret);

// Parses an object; throws Error{bad_request} for anything else, for invalid UTF-8, for nesting deeper than
// `max_depth`, and for a member that is there twice (two readers of one token must never see two different things).
base::json::object parse_object_strictly(std::string_view text, std::size_t max_depth);

}  // namespace http
