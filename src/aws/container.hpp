#pragma once
#include <optional>
#include <string>

#include "aws/surroundings.hpp"
#include "net/url.hpp"

namespace aws {

// Where a container's credentials are to be had: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, or …_FULL_URI. nullopt when
// neither is set. Throws Error{validation_error} for an address that must not be trusted: http is for this machine and
// the container services' own addresses.
std::optional<net::Url> container_url(const Surroundings& surroundings);

}  // namespace aws
