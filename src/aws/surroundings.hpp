#pragma once
// What a process finds around itself that says who and where it is: variables and the home folder. Injected, so that
// tests need neither.
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace aws {

struct Surroundings {
  std::map<std::string, std::string, std::less<>> variables;
  std::filesystem::path home;  // "" when there is none

  std::string find(std::string_view name) const;  // "" when it is not set
  bool operator==(const Surroundings&) const = default;
};

Surroundings surroundings_of_process();

// Of a service: AWS_ENDPOINT_URL_<ID>, AWS_ENDPOINT_URL, else https://<host>.<region>.amazonaws.com. `id` is the
// service's name in upper case with underscores, "BEDROCK_RUNTIME".
std::string endpoint_url(const Surroundings& surroundings, std::string_view id, std::string_view host,
                         std::string_view region);

}  // namespace aws
