// Credentials by a profile in ~/.aws: keys in either file, or a role.
#include <fmt/format.h>

#include <algorithm>

#include "aws/credential_sources.hpp"
#include "aws/sts.hpp"

namespace aws {
namespace {

using base::Code;
using base::Error;
using base::Task;
using Names = std::vector<std::string>;

std::string value_of(const Profile::Values& values, std::string_view name) {
  const auto found = values.find(name);
  return found != values.end() ? found->second : std::string();
}

Finding keys_in(const Profile::Values* values, std::string_view profile, std::string_view file,
                std::string_view source) {
  const auto id = values != nullptr ? value_of(*values, "aws_access_key_id") : std::string();
  if (id.empty()) return {.why_not = fmt::format("no aws_access_key_id for profile {} in {}", profile, file)};
  const auto secret = value_of(*values, "aws_secret_access_key");
  if (secret.empty()) {
    throw Error(Code::validation_error, fmt::format("profile {} in {} has an aws_access_key_id, but no "
                                                    "aws_secret_access_key",
                                                    profile, file));
  }
  return {.credentials = Credentials{.access_key_id = id,
                                     .secret_access_key = base::Secret(secret),
                                     .session_token = base::Secret(value_of(*values, "aws_session_token")),
                                     .source = std::string(source)}};
}

Finding shared_keys(const Search& search, const std::string& name) {
  const auto* profile = search.profiles.find(name);
  return keys_in(profile != nullptr ? &profile->shared : nullptr, name, search.profiles.shared_path,
                 "shared credentials file");
}

Finding config_keys(const Search& search, const std::string& name) {
  const auto* profile = search.profiles.find(name);
  return keys_in(profile != nullptr ? &profile->config : nullptr, name, search.profiles.config_path, "config file");
}

bool names_role(const Profile& profile) {
  return !profile.find("role_arn").empty() && profile.find("web_identity_token_file").empty();
}

// By what stands outside of all profiles: credential_source.
Task<Credentials> credentials_of_place(const Search& search, const std::string& place, const std::string& profile) {
  Finding found;
  if (place == "Environment") {
    found = co_await from_environment(search);
  } else if (place == "EcsContainer") {
    found = co_await from_container(search);
  } else if (place == "Ec2InstanceMetadata") {
    found = co_await from_instance(search);
  } else {
    throw Error(Code::validation_error,
                fmt::format("profile {} has a credential_source that is not known; use Environment, EcsContainer or "
                            "Ec2InstanceMetadata",
                            profile));
  }
  if (found.credentials) co_return *found.credentials;
  throw Error(Code::validation_error,
              fmt::format("profile {} takes its credentials from {}: {}", profile, place, found.why_not));
}

Task<Credentials> role_of(const Search& search, const std::string& name, Names seen);

// What the role of another profile is assumed with. `seen` are the profiles on the way here.
Task<Credentials> source_of(const Search& search, const std::string& name, Names seen) {
  const auto* profile = search.profiles.find(name);
  if (profile == nullptr) {
    throw Error(Code::validation_error,
                fmt::format("profile {} has the source_profile {}, which does not exist", seen.back(), name));
  }
  const bool has_keys = !profile->find("aws_access_key_id").empty();
  if (names_role(*profile) && !has_keys) co_return co_await role_of(search, name, std::move(seen));
  auto found = co_await web_identity_of(search, name);
  if (!found.credentials) found = co_await sso_of(search, name);
  if (!found.credentials) found = shared_keys(search, name);
  if (!found.credentials) found = co_await process_of(search, name);
  if (!found.credentials) found = config_keys(search, name);
  if (found.credentials) co_return *found.credentials;
  throw Error(Code::validation_error, fmt::format("the source_profile {} has no credentials", name));
}

Task<Credentials> role_of(const Search& search, const std::string& name, Names seen) {
  if (std::ranges::find(seen, name) != seen.end()) {
    throw Error(Code::validation_error, fmt::format("the source_profile of {} leads back to itself", name));
  }
  seen.push_back(name);
  const auto& profile = *search.profiles.find(name);
  if (!profile.find("mfa_serial").empty()) {
    throw Error(Code::validation_error,
                fmt::format("profile {} asks for a code (mfa_serial), which a service cannot type", name));
  }
  const auto source = profile.find("source_profile");
  const auto place = profile.find("credential_source");
  if (source.empty() == place.empty()) {
    throw Error(Code::validation_error,
                fmt::format("profile {} has a role_arn and needs either source_profile or credential_source", name));
  }
  Credentials ours;
  if (source.empty()) {
    ours = co_await credentials_of_place(search, place, name);
  } else {
    ours = co_await source_of(search, source, std::move(seen));
  }
  const Role role{.arn = profile.find("role_arn"),
                  .session_name = profile.find("role_session_name"),
                  .external_id = profile.find("external_id"),
                  .duration_seconds = profile.find("duration_seconds"),
                  .region = profile.find("region")};
  co_return co_await assume_role(search, role, ours);
}

}  // namespace

Task<Finding> from_role(const Search& search) {
  const auto* profile = search.find_profile();
  Finding out;
  if (profile != nullptr && names_role(*profile)) {
    out.credentials = co_await role_of(search, search.profile, {});
  } else {
    out.why_not = fmt::format("profile {} has no role_arn", search.profile);
  }
  co_return out;
}

Task<Finding> from_web_identity(const Search& search) {
  const auto& around = search.surroundings;
  const Role role{.arn = around.find("AWS_ROLE_ARN"),
                  .session_name = around.find("AWS_ROLE_SESSION_NAME"),
                  .token_file = around.find("AWS_WEB_IDENTITY_TOKEN_FILE")};
  if (role.token_file.empty()) co_return co_await web_identity_of(search, search.profile);
  if (role.arn.empty()) {
    throw Error(Code::validation_error, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
  }
  Finding out;
  out.credentials = co_await assume_role_with_web_identity(search, role);
  co_return out;
}

Task<Finding> web_identity_of(const Search& search, const std::string& name) {
  const auto* profile = search.profiles.find(name);
  const auto file = profile != nullptr ? profile->find("web_identity_token_file") : std::string();
  Finding out;
  if (file.empty()) {
    out.why_not = fmt::format("neither AWS_WEB_IDENTITY_TOKEN_FILE nor profile {} names a token", name);
    co_return out;
  }
  const Role role{.arn = profile->find("role_arn"),
                  .session_name = profile->find("role_session_name"),
                  .duration_seconds = profile->find("duration_seconds"),
                  .token_file = file,
                  .region = profile->find("region")};
  if (role.arn.empty()) {
    throw Error(Code::validation_error, fmt::format("profile {} has a web_identity_token_file, but no role_arn", name));
  }
  out.credentials = co_await assume_role_with_web_identity(search, role);
  co_return out;
}

Task<Finding> from_shared_file(const Search& search) { co_return shared_keys(search, search.profile); }
Task<Finding> from_config_file(const Search& search) { co_return config_keys(search, search.profile); }

}  // namespace aws
