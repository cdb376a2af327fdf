#pragma once
// Roles by AWS STS (https://docs.aws.amazon.com/STS/latest/APIReference/).
#include "aws/credential_sources.hpp"

namespace aws {

struct Role {
  std::string arn;
  std::string session_name;  // "" for one of ours
  std::string external_id;
  std::string duration_seconds;  // "" for an hour
  std::string token_file;        // of a web identity; read again for each call
  std::string region;            // "" for where everything else is
};

// AssumeRole, signed with `ours`.
base::Task<Credentials> assume_role(const Search& search, const Role& role, const Credentials& ours);
// AssumeRoleWithWebIdentity, which the token in the file proves in place of a signature.
base::Task<Credentials> assume_role_with_web_identity(const Search& search, const Role& role);

}  // namespace aws
