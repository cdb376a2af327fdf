#pragma once
// Who we are to Amazon.
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace aws {

struct Credentials {
  std::string access_key_id;  // a name, no secret
  base::Secret secret_access_key;
  base::Secret session_token;  // "" for those that last
  std::optional<base::Time> expires_at;
  std::string source;  // where they were found, for logs: "environment", "container", …
  bool operator==(const Credentials&) const = default;
};

}  // namespace aws
