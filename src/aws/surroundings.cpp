#include "aws/surroundings.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace aws {

std::string Surroundings::find(std::string_view name) const {
  const auto found = variables.find(name);
  return found != variables.end() ? found->second : std::string();
}

Surroundings surroundings_of_process() {
  Surroundings found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != text.npos) found.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  found.home = found.find("HOME");
  return found;
}

std::string endpoint_url(const Surroundings& surroundings, std::string_view id, std::string_view host,
                         std::string_view region) {
  for (const auto& name : {fmt::format("AWS_ENDPOINT_URL_{}", id), std::string("AWS_ENDPOINT_URL")}) {
    if (auto url = surroundings.find(name); !url.empty()) return url;
  }
  return fmt::format("https://{}.{}.amazonaws.com{}", host, region, region.starts_with("cn-") ? ".cn" : "");
}

}  // namespace aws
