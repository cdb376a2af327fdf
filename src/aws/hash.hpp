#pragma once
// The hashes that Amazon's protocols are made of, and their hexadecimal form (lower case).
#include <array>
#include <span>
#include <string>
#include <string_view>

namespace aws {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view text);
Digest hmac_sha256(std::span<const unsigned char> key, std::string_view text);
std::string to_hex(std::span<const unsigned char> bytes);
std::string sha1_hex(std::string_view text);  // names a file in ~/.aws/sso/cache; protects nothing

}  // namespace aws
