#include "http/jws.hpp"

#include <openssl/crypto.h>

#include <jwt/jwt.hpp>

#include "base/json_members.hpp"
#include "http/base64url.hpp"

// cpp-jwt makes tokens and computes the HMAC. It does not read what comes from outside: its base64 decoder takes any
// character, indexes its table with a signed char and so reads before it; its decode() compares `alg` without regard
// to case, throws through on an `alg` that is no string, ignores `crit`, takes the system's clock and compares
// signatures in a time that depends on them. So a token is split, decoded and judged here, and strictly.
namespace http {
namespace {

using Hs256 = jwt::HMACSign<jwt::algo::HS256>;

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // header and payload with the dot between them
};

std::optional<Parts> split(std::string_view token) {
  if (token.empty() || token.size() > kMaxTokenBytes) return std::nullopt;
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  const Parts parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
                    token.substr(0, second)};
  if (parts.header.empty() || parts.payload.empty() || parts.signature.empty()) return std::nullopt;
  return parts;
}

bool is_our_type(const base::json::value& type) {
  return type.is_string() && base::to_lower(type.get_string()) == "jwt";
}

// `kid`, `jku`, `jwk`, `x5u` and the like are from a stranger: the key is ours whatever they say.
bool header_asks_for_hs256(std::string_view encoded) {
  const auto text = base64url_decode(encoded);
  if (!text) return false;
  try {
    const auto header = parse_object_strictly(*text, 4);
    const auto* algorithm = header.if_contains("alg");
    const auto* type = header.if_contains("typ");
    // An extension that must be understood (RFC 7515, section 4.1.11) is not: none is known here.
    if (header.contains("crit") || header.contains("b64") || header.contains("zip")) return false;
    if (type != nullptr && !is_our_type(*type)) return false;
    return algorithm != nullptr && algorithm->is_string() && algorithm->get_string() == "HS256";
  } catch (const base::Error&) {
    return false;
  }
}

}  // namespace

std::string sign(const base::json::object& payload, const base::Secret& secret) {
  jwt::jwt_object token{jwt::params::algorithm("HS256"), jwt::params::secret(secret.reveal())};
  const auto claims = nlohmann::json::parse(base::json::serialize(payload));
  for (const auto& [name, value] : claims.items()) token.add_claim(name, value);
  return token.signature();
}

std::optional<std::string> verify_signature(std::string_view token, const base::Secret& secret) {
  const auto parts = split(token);
  if (!parts || !header_asks_for_hs256(parts->header)) return std::nullopt;
  const auto signature = base64url_decode(parts->signature);
  auto payload = base64url_decode(parts->payload);
  if (!signature || !payload) return std::nullopt;
  const auto [expected, failed] =
      Hs256::sign(secret.reveal(), jwt::string_view(parts->signed_text.data(), parts->signed_text.size()));
  if (failed || expected.empty() || expected.size() != signature->size()) return std::nullopt;
  if (CRYPTO_memcmp(expected.data(), signature->data(), expected.size()) != 0) return std::nullopt;
  return payload;
}

base::json::object parse_object_strictly(std::string_view text, std::size_t max_depth) {
  auto value = base::parse_json(text, max_depth);
  if (!value.is_object()) throw base::Error(base::Code::bad_request, "must be a JSON object");
  if (base::members_written(text) != base::members_kept(value)) {
    throw base::Error(base::Code::bad_request, "has a member twice");
  }
  return std::move(value.get_object());
}

}  // namespace http
