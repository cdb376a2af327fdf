#include "cli/development_token.hpp"

#include "base/ids.hpp"
#include "http/secrets.hpp"
#include "http/token.hpp"

namespace cli {

base::Secret signing_secret(const Settings& settings) {
  const auto& auth = settings.auth;
  if (auth.secret.empty() && auth.secret_file.empty() && settings.stage == Stage::development) {
    base::SystemRandom random;
    return http::load_or_create_development_secret(settings.data, random);
  }
  const base::SystemClock clock;
  return http::Secrets(auth, clock).keys()->current;
}

std::string mint_token(const Settings& settings, const TokenRequest& request) {
  const auto now = base::SystemClock().now();
  http::Claims claims;
  claims.user_id = request.user_id;
  claims.tenant_id = request.tenant_id;
  claims.email = request.email;
  claims.name = request.name;
  claims.roles = request.roles.empty() ? std::vector<std::string>{"user"} : request.roles;
  claims.tier = request.tier;
  claims.issuer = settings.auth.issuer;
  claims.audience = settings.auth.audience;
  claims.issued_at = now;
  claims.expires_at = now + request.valid_for;
  return http::mint(signing_secret(settings), claims);
}

}  // namespace cli
