#pragma once
#include <string>
#include <string_view>

#include "aws/profiles.hpp"
#include "aws/surroundings.hpp"

namespace aws {

// `profile`, else AWS_PROFILE, else "default".
std::string profile_name(const Surroundings& surroundings, std::string_view profile);

// AWS_REGION, AWS_DEFAULT_REGION, else the profile's; "" when nothing says it.
std::string find_region(const Surroundings& surroundings, const Profiles& profiles, std::string_view profile);

}  // namespace aws
