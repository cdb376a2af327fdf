#pragma once
// ~/.aws/credentials and ~/.aws/config, as the AWS CLI writes them
// (https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
#include <map>
#include <string>
#include <string_view>

#include "aws/surroundings.hpp"

namespace aws {

struct Profile {
  using Values = std::map<std::string, std::string, std::less<>>;
  Values shared;  // of the credentials file
  Values config;  // of the config file

  // Of the credentials file, else of the config file; "" when in neither.
  std::string find(std::string_view name) const;
};

struct Profiles {
  std::map<std::string, Profile, std::less<>> profiles;
  std::map<std::string, Profile::Values, std::less<>> sso_sessions;
  std::string shared_path;  // for messages
  std::string config_path;

  const Profile* find(std::string_view name) const;  // nullptr when neither file has it
};

// AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE say where they are. A file that cannot be read counts as empty, so
// does a line that makes no sense.
Profiles read_profiles(const Surroundings& surroundings);

// The text of a file of at most 1 MB; "" when it cannot be read.
std::string read_small_file(const std::filesystem::path& path);

}  // namespace aws
