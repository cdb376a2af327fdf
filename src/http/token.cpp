#include "http/token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "http/claims.hpp"
#include "http/recent.hpp"

namespace http {
namespace {

constexpr std::size_t kShards = 16;
constexpr base::Milliseconds kMinute{60'000};
constexpr std::array<std::string_view, 4> kRoles{"user", "coach", "admin", "owner"};

std::int64_t whole_seconds(base::Time time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

base::json::object payload_of(const Claims& claims) {
  base::json::object payload;
  const auto add = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) payload.emplace(name, text);
  };
  const auto add_list = [&](std::string_view name, const std::vector<std::string>& list) {
    if (!list.empty()) payload.emplace(name, base::to_json(list));
  };
  add("sub", claims.user_id);
  add("tenant_id", claims.tenant_id);
  add("email", claims.email);
  add("name", claims.name);
  add_list("roles", claims.roles);
  add_list("scopes", claims.scopes);
  add("tier", claims.tier);
  add("iss", claims.issuer);
  add("aud", claims.audience);
  payload.emplace("exp", whole_seconds(claims.expires_at));
  if (claims.issued_at) payload.emplace("iat", whole_seconds(*claims.issued_at));
  if (claims.not_before) payload.emplace("nbf", whole_seconds(*claims.not_before));
  return payload;
}

void check_own_claims(const base::json::object& payload, const Claims& claims) {
  AuthOptions options;
  options.issuer = claims.issuer;
  options.audience = claims.audience;
  options.leeway = base::Milliseconds(0);
  const auto start = claims.not_before ? *claims.not_before : claims.issued_at.value_or(claims.expires_at - kMinute);
  try {
    accept_claims(base::json::serialize(payload), options, start);
  } catch (const base::Error& error) {
    throw base::Error(base::Code::validation_error, fmt::format("cannot make this token. {}", error.message));
  }
}

bool within(base::Milliseconds value, base::Milliseconds most) { return value.count() >= 0 && value <= most; }

int rank_of(std::string_view role) {
  return static_cast<int>(std::find(kRoles.begin(), kRoles.end(), role) - kRoles.begin());
}

}  // namespace

std::string mint(const base::Secret& secret, const Claims& claims) {
  if (secret.reveal().size() < kMinKeyBytes) {
    throw base::Error(base::Code::validation_error, fmt::format("a secret needs at least {} bytes", kMinKeyBytes));
  }
  const auto payload = payload_of(claims);
  check_own_claims(payload, claims);
  auto token = sign(payload, secret);
  if (token.size() > kMaxTokenBytes) {
    throw base::Error(base::Code::validation_error, fmt::format("a token may have at most {} bytes", kMaxTokenBytes));
  }
  return token;
}

std::string_view bearer_token(std::string_view authorization) {
  if (authorization.empty()) {
    throw base::Error(base::Code::missing_token, "This needs a token. Send it as Authorization: Bearer <token>.");
  }
  constexpr std::string_view kScheme = "bearer ";
  if (base::to_lower(authorization.substr(0, kScheme.size())) != kScheme) {
    throw base::Error(base::Code::invalid_token, "The Authorization header must be: Bearer <token>.");
  }
  authorization.remove_prefix(kScheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  return authorization;
}

struct TokenVerifier::Known {
  std::shared_ptr<const Caller> caller;
  base::Time until;
  std::uint64_t generation = 0;
};

// The whole token is the key, not its hash: nobody can make two tokens meet. Only tokens that passed get in, so a
// stranger can neither fill the memory nor steer which bucket is compared.
struct alignas(64) TokenVerifier::Shard {
  std::mutex mutex;
  Recent<Known> known{0};
};

TokenVerifier::TokenVerifier(const AuthOptions& options, Secrets& secrets, const base::Clock& clock)
    : options_(options), secrets_(secrets), clock_(clock), shards_(std::make_unique<Shard[]>(kShards)) {
  if (!within(options_.leeway, kMinute) || !within(options_.cache_time, kMinute)) {
    throw base::Error(base::Code::validation_error, "auth.leeway and auth.cache_time take 0 to 60 seconds");
  }
  const auto bound = static_cast<std::size_t>(std::max(options_.cached_tokens, 0)) / kShards + 2;
  for (std::size_t i = 0; i < kShards; ++i) shards_[i].known = Recent<Known>(bound);
}

TokenVerifier::~TokenVerifier() = default;

std::shared_ptr<const Caller> TokenVerifier::verify(std::string_view token) {
  if (token.size() > kMaxTokenBytes) {
    throw base::Error(base::Code::invalid_token, fmt::format("The token is longer than {} bytes.", kMaxTokenBytes));
  }
  const auto generation = secrets_.generation();
  auto& shard = shards_[(std::hash<std::string_view>()(token) >> 56) % kShards];
  {
    const std::scoped_lock lock(shard.mutex);
    const auto* known = shard.known.find(token);
    if (known != nullptr && known->generation == generation && clock_.now() < known->until) return known->caller;
  }
  auto known = verify_anew(token, generation);
  auto caller = known.caller;
  if (options_.cache_time.count() > 0) {
    const std::scoped_lock lock(shard.mutex);
    shard.known.put(token, std::move(known));
  }
  return caller;
}

TokenVerifier::Known TokenVerifier::verify_anew(std::string_view token, std::uint64_t generation) {
  const auto keys = secrets_.keys();
  auto payload = verify_signature(token, keys->current);
  if (!payload && !keys->previous.empty()) payload = verify_signature(token, keys->previous);
  if (!payload) {
    throw base::Error(base::Code::invalid_token, "The token is not one that this server's key signed with HS256.");
  }
  const auto now = clock_.now();
  auto accepted = accept_claims(*payload, options_, now);
  return {std::make_shared<const Caller>(std::move(accepted.caller)),
          std::min(accepted.until, now + options_.cache_time), generation};
}

void require_role(const Caller& caller, std::string_view minimum) {
  const int needed = rank_of(minimum);
  const bool enough = std::any_of(caller.roles.begin(), caller.roles.end(), [&](const std::string& role) {
    const int rank = rank_of(role);
    return rank < static_cast<int>(kRoles.size()) && rank >= needed;
  });
  if (enough) return;
  throw base::Error(base::Code::forbidden, fmt::format("This needs the role {} or higher.", minimum),
                    base::json::object{{"required_role", minimum}});
}

}  // namespace http
