#include "aws/region.hpp"

namespace aws {

std::string profile_name(const Surroundings& surroundings, std::string_view profile) {
  if (!profile.empty()) return std::string(profile);
  for (const auto* variable : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) {
    if (auto name = surroundings.find(variable); !name.empty()) return name;
  }
  return "default";
}

std::string find_region(const Surroundings& surroundings, const Profiles& profiles, std::string_view profile) {
  for (const auto* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (auto region = surroundings.find(variable); !region.empty()) return region;
  }
  const auto* found = profiles.find(profile);
  return found != nullptr ? found->find("region") : std::string();
}

}  // namespace aws
