#pragma once
// RFC 4648, section 5, without padding, as RFC 7515 uses it.
#include <optional>
#include <string>
#include <string_view>

namespace http {

std::string base64url_encode(std::string_view bytes);

// Strict: nullopt for any character outside the alphabet (padding and white space too), for an impossible length, and
// for unused bits that are not zero, so that no two texts stand for the same bytes.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace http
