#include "http/claims.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "http/jws.hpp"

namespace http {
namespace {

using base::json::object;
using base::json::value;

constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxIdBytes = 256;
constexpr std::size_t kMaxNameBytes = 512;
constexpr std::size_t kMaxRoles = 32;
constexpr double kMaxSeconds = 253'402'300'799;  // the end of the year 9999
constexpr std::array<std::string_view, 4> kTiers{"free", "basic", "premium", "ultimate"};

[[noreturn]] void refuse(std::string message) { throw base::Error(base::Code::invalid_token, std::move(message)); }

// C0 and C1 controls: they have no business in a name, and they separate the parts of our keys.
bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

const value* find(const object& claims, std::string_view name) {
  const auto* claim = claims.if_contains(name);
  return claim == nullptr || claim->is_null() ? nullptr : claim;
}

std::string text_of(const value& claim, std::string_view name, std::size_t max_bytes) {
  if (!claim.is_string()) refuse(fmt::format("The token's claim {} must be a string.", name));
  const std::string_view text = claim.get_string();
  if (text.size() > max_bytes) refuse(fmt::format("The token's claim {} is longer than {} bytes.", name, max_bytes));
  if (has_control_characters(text)) refuse(fmt::format("The token's claim {} has control characters.", name));
  return std::string(text);
}

std::string required_text(const object& claims, std::string_view name) {
  const auto* claim = find(claims, name);
  if (claim == nullptr) refuse(fmt::format("The token has no claim {}.", name));
  auto text = text_of(*claim, name, kMaxIdBytes);
  if (base::trim(text).empty()) refuse(fmt::format("The token's claim {} is empty.", name));
  return text;
}

std::string optional_text(const object& claims, std::string_view name) {
  const auto* claim = find(claims, name);
  return claim == nullptr ? std::string() : text_of(*claim, name, kMaxNameBytes);
}

// A NumericDate: seconds since 1970, perhaps with a fraction.
std::optional<base::Time> time_of(const object& claims, std::string_view name) {
  const auto* claim = find(claims, name);
  if (claim == nullptr) return std::nullopt;
  if (!claim->is_number()) refuse(fmt::format("The token's claim {} must be a number of seconds since 1970.", name));
  const auto seconds = claim->to_number<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kMaxSeconds) {
    refuse(fmt::format("The token's claim {} is not a time between 1970 and 9999.", name));
  }
  return base::Time(base::Milliseconds(std::llround(std::floor(seconds * 1000))));
}

base::Time check_times(const object& claims, base::Milliseconds leeway, base::Time now) {
  const auto expires = time_of(claims, "exp");
  const auto not_before = time_of(claims, "nbf");
  const auto issued = time_of(claims, "iat");
  if (!expires) refuse("The token has no claim exp; tokens must expire.");
  if (now >= *expires + leeway) refuse("The token has expired. Get a new one.");
  if (not_before && now + leeway < *not_before) refuse("The token is not valid yet.");
  if (issued && now + leeway < *issued) refuse("The token's claim iat is in the future; check the issuer's clock.");
  return *expires + leeway;
}

bool is_for(const value& audience, std::string_view us) {
  if (audience.is_string()) return audience.get_string() == us;
  const auto* list = audience.if_array();
  if (list == nullptr) return false;
  return std::any_of(list->begin(), list->end(),
                     [&](const value& one) { return one.is_string() && one.get_string() == us; });
}

void check_parties(const object& claims, const AuthOptions& options) {
  const auto* issuer = find(claims, "iss");
  const auto* audience = find(claims, "aud");
  if (!options.issuer.empty() &&
      (issuer == nullptr || !issuer->is_string() || issuer->get_string() != options.issuer)) {
    refuse("The token's claim iss is not the issuer this server trusts.");
  }
  if (!options.audience.empty() && (audience == nullptr || !is_for(*audience, options.audience))) {
    refuse("The token's claim aud does not name this server.");
  }
}

// Names we do not know are kept: they grant nothing, and an issuer may have more roles than we do.
std::vector<std::string> roles_of(const object& claims) {
  const auto* claim = find(claims, "roles");
  if (claim == nullptr) return {"user"};
  if (!claim->is_array()) refuse("The token's claim roles must be a list of strings.");
  const auto& list = claim->get_array();
  if (list.size() > kMaxRoles) refuse(fmt::format("The token's claim roles has more than {} entries.", kMaxRoles));
  std::vector<std::string> roles;
  roles.reserve(list.size());
  for (const auto& role : list) roles.push_back(text_of(role, "roles", 64));
  return roles;
}

std::string tier_of(const object& claims) {
  auto tier = optional_text(claims, "tier");
  if (tier.empty()) return "free";
  if (std::find(kTiers.begin(), kTiers.end(), tier) == kTiers.end()) {
    refuse("The token's claim tier is none of free, basic, premium, ultimate.");
  }
  return tier;
}

object parse_claims(std::string_view payload) {
  try {
    return parse_object_strictly(payload, kMaxDepth);
  } catch (const base::Error&) {
    refuse("The token's claims are not a JSON object that can be read.");
  }
}

}  // namespace

Accepted accept_claims(std::string_view payload, const AuthOptions& options, base::Time now) {
  const auto claims = parse_claims(payload);
  Accepted accepted;
  accepted.until = check_times(claims, options.leeway, now);
  check_parties(claims, options);
  accepted.caller.user_id = required_text(claims, "sub");
  accepted.caller.tenant_id = required_text(claims, "tenant_id");
  accepted.caller.email = optional_text(claims, "email");
  accepted.caller.name = optional_text(claims, "name");
  accepted.caller.roles = roles_of(claims);
  accepted.caller.tier = tier_of(claims);
  return accepted;
}

}  // namespace http
