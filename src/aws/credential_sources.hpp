#pragma once
// The places where credentials may be found. Each looks at what is around and says what it found or why there was
// nothing; one that is set up and fails throws, because going on to the next could make us somebody else.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.hpp"
#include "aws/profiles.hpp"
#include "aws/surroundings.hpp"
#include "base/async.hpp"
#include "base/error.hpp"
#include "net/http_client.hpp"

namespace aws {

// What a look-up has to go by.
struct Search {
  const Surroundings& surroundings;
  const Profiles& profiles;
  std::string profile;  // by the settings, AWS_PROFILE, or "default"
  net::HttpClient& http;
  net::HttpClient& direct;  // the same without proxies, for addresses on this machine
  const base::Clock& clock;

  const Profile* find_profile() const { return profiles.find(profile); }
};

struct Finding {
  std::optional<Credentials> credentials;
  std::string why_not;  // when there are none: "AWS_ACCESS_KEY_ID is not set"
};

// Throw Error{validation_error} for what is set up wrongly or refused, Error{dependency_unavailable} for what may pass.
// No message holds a secret. Who calls keeps `search` until the answer is there.
base::Task<Finding> from_environment(const Search& search);
base::Task<Finding> from_role(const Search& search);  // role_arn with source_profile or credential_source
base::Task<Finding> from_web_identity(const Search& search);  // by variables, else by the profile
base::Task<Finding> from_sso(const Search& search);
base::Task<Finding> from_shared_file(const Search& search);
base::Task<Finding> from_process(const Search& search);
base::Task<Finding> from_config_file(const Search& search);
base::Task<Finding> from_container(const Search& search);
base::Task<Finding> from_instance(const Search& search);  // IMDSv2

// The same for a profile that another one names as the source of its role.
base::Task<Finding> web_identity_of(const Search& search, const std::string& profile);
base::Task<Finding> sso_of(const Search& search, const std::string& profile);
base::Task<Finding> process_of(const Search& search, const std::string& profile);

// For sources. What an endpoint answered when it was no 200: the status, the service's code, whether it may pass.
base::Error refused(std::string_view who, int status, std::string_view code, std::string_view advice);

// {"AccessKeyId", "SecretAccessKey", "Token" or "SessionToken", "Expiration"}, in any case of the first letter.
// Throws Error{validation_error} naming what is missing.
Credentials read_json_credentials(std::string_view body, std::string_view source);

// A GET that fails the way sources do; tries `attempts` times in all.
base::Task<net::HttpResponse> fetch(net::HttpClient& http, net::HttpRequest request, base::Milliseconds timeout,
                                    int attempts);

}  // namespace aws
