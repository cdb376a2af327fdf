#pragma once
// RFC 4648, section 4, with padding.
#include <optional>
#include <string>
#include <string_view>

namespace base {

std::string base64_encode(std::string_view bytes);
// nullopt for what is not whole groups of four characters of the alphabet.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace base
