#pragma once
// Bearer tokens: JSON Web Tokens (RFC 7519) signed with HS256, checked by the rules of RFC 8725.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "http/jws.hpp"
#include "http/message.hpp"
#include "http/secrets.hpp"

namespace http {

struct Claims {
  std::string user_id;  // the claim `sub`
  std::string tenant_id;
  std::string email;  // this and all below are optional, and left out of a token when empty
  std::string name;
  std::vector<std::string> roles;
  std::vector<std::string> scopes;
  std::string tier;
  std::string issuer;
  std::string audience;
  base::Time expires_at;
  std::optional<base::Time> issued_at;
  std::optional<base::Time> not_before;
};

// A signed token, times cut to whole seconds. Throws Error{validation_error} for a claim that verification would
// refuse, and for a key that is too short. Any thread.
std::string mint(const base::Secret& secret, const Claims& claims);

// The token in an Authorization header. Throws Error{missing_token} when there is none, and Error{invalid_token} when
// the header is not 'Bearer <token>'.
std::string_view bearer_token(std::string_view authorization);

// Who a token speaks for. Any thread. What was verified is remembered, so that a busy client costs one look-up a
// request: until the token expires, the keys change, or AuthOptions::cache_time is over.
class TokenVerifier {
 public:
  // `secrets` and `clock` must outlive this. Throws Error{validation_error} for options out of range.
  TokenVerifier(const AuthOptions& options, Secrets& secrets, const base::Clock& clock);
  ~TokenVerifier();

  // Throws Error{invalid_token}, with a message for the token's owner that repeats nothing of the token.
  std::shared_ptr<const Caller> verify(std::string_view token);

 private:
  struct Known;
  struct Shard;
  Known verify_anew(std::string_view token, std::uint64_t generation);

  const AuthOptions options_;
  Secrets& secrets_;
  const base::Clock& clock_;
  std::unique_ptr<Shard[]> shards_;
};

// Throws Error{forbidden} unless the caller has that role, or a higher one of user < coach < admin < owner.
void require_role(const Caller& caller, std::string_view minimum);

}  // namespace http
