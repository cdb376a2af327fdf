// Credentials of somebody who signed in by `aws sso login`: the token that it left in ~/.aws/sso/cache is exchanged at
// the portal (https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html).
#include <fmt/format.h>

#include <boost/json.hpp>

#include "aws/credential_sources.hpp"
#include "aws/error_code.hpp"
#include "aws/hash.hpp"
#include "aws/percent.hpp"

namespace aws {
namespace {

namespace json = boost::json;
using base::Code;
using base::Error;
using base::Task;

constexpr base::Milliseconds kTimeout{5'000};
constexpr int kAttempts = 2;

struct Login {
  std::string profile;
  std::string start_url;
  std::string region;
  std::string account;
  std::string role;
  std::string cache_name;  // what the token's file is named after: the session, in the older form the start URL
};

Login login_of(const Search& search, const std::string& name, const Profile& profile) {
  Login login{.profile = name,
              .start_url = profile.find("sso_start_url"),
              .region = profile.find("sso_region"),
              .account = profile.find("sso_account_id"),
              .role = profile.find("sso_role_name")};
  login.cache_name = login.start_url;
  if (const auto session = profile.find("sso_session"); !session.empty()) {
    const auto found = search.profiles.sso_sessions.find(session);
    if (found == search.profiles.sso_sessions.end()) {
      throw Error(Code::validation_error,
                  fmt::format("profile {} names the sso-session {}, which does not exist", name, session));
    }
    const auto region = found->second.find("sso_region");
    if (region != found->second.end()) login.region = region->second;
    login.cache_name = session;
  }
  for (const auto& [what, value] :
       {std::pair{"sso_region", &login.region}, {"sso_account_id", &login.account}, {"sso_role_name", &login.role}}) {
    if (value->empty()) throw Error(Code::validation_error, fmt::format("profile {} has no {}", name, what));
  }
  return login;
}

Error sign_in_again(const Login& login, std::string_view why) {
  return {Code::validation_error, fmt::format("the sign-in for profile {} {}; run: aws sso login --profile {}",
                                              login.profile, why, login.profile)};
}

base::Secret token_of(const Search& search, const Login& login) {
  const auto path = search.surroundings.home / ".aws" / "sso" / "cache" / (sha1_hex(login.cache_name) + ".json");
  json::error_code failed;
  const auto value = json::parse(read_small_file(path), failed);
  const auto* object = failed ? nullptr : value.if_object();
  const auto text = [&](const char* name) {
    const auto* member = object != nullptr ? object->if_contains(name) : nullptr;
    return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
  };
  auto token = text("accessToken");
  const auto expires = text("expiresAt");
  if (token.empty() || expires.empty()) throw sign_in_again(login, "is not in ~/.aws/sso/cache");
  if (base::parse_time(expires) <= search.clock.now()) throw sign_in_again(login, "has expired");
  return base::Secret(std::move(token));
}

Credentials read_credentials(std::string_view body) {
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed);
  const auto* object = failed ? nullptr : value.if_object();
  const auto* inner = object != nullptr ? object->if_contains("roleCredentials") : nullptr;
  if (inner == nullptr || !inner->is_object()) {
    throw Error(Code::validation_error, "the SSO portal gave no roleCredentials");
  }
  auto found = read_json_credentials(json::serialize(*inner), "SSO");
  const auto* expiration = inner->get_object().if_contains("expiration");
  if (expiration != nullptr && expiration->is_int64()) {
    found.expires_at = base::Time(base::Milliseconds(expiration->get_int64()));
  }
  return found;
}

}  // namespace

Task<Finding> from_sso(const Search& search) { return sso_of(search, search.profile); }

Task<Finding> sso_of(const Search& search, const std::string& name) {
  const auto* profile = search.profiles.find(name);
  Finding out;
  if (profile == nullptr || (profile->find("sso_session").empty() && profile->find("sso_start_url").empty())) {
    out.why_not = fmt::format("profile {} has neither sso_session nor sso_start_url", name);
    co_return out;
  }
  const auto login = login_of(search, name, *profile);
  const auto token = token_of(search, login);
  net::HttpRequest request{
      .url = net::join_path(net::parse_url(endpoint_url(search.surroundings, "SSO", "portal.sso", login.region)),
                            fmt::format("/federation/credentials?role_name={}&account_id={}",
                                        percent_encode(login.role), percent_encode(login.account))),
      .headers = {{"x-amz-sso_bearer_token", token.reveal()}}};
  const auto response = co_await fetch(search.http, std::move(request), kTimeout, kAttempts);
  if (response.status == 401) throw sign_in_again(login, "is refused");
  if (response.status != 200) {
    throw refused("the SSO portal", response.status, error_code(response.headers, response.body),
                  "check sso_account_id and sso_role_name");
  }
  out.credentials = read_credentials(response.body);
  co_return out;
}

}  // namespace aws
