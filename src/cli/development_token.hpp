#pragma once
// Tokens made by the operator, signed with the secret that the configured server verifies with.
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "cli/settings.hpp"

namespace cli {

struct TokenRequest {
  std::string user_id = "dev";
  std::string tenant_id = "dev";
  std::string email;
  std::string name;
  std::vector<std::string> roles;  // empty: user
  std::string tier = "free";
  base::Milliseconds valid_for{std::chrono::hours(12)};
};

// The secret in force: auth.secret, auth.secret_file, or in development the data folder's own (made when missing).
// Throws base::Error saying what to set.
base::Secret signing_secret(const Settings& settings);

std::string mint_token(const Settings& settings, const TokenRequest& request);

}  // namespace cli
