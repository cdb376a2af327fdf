// Credentials of the EC2 instance this runs on, by its metadata service, version 2
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html). Version 1, which
// any request forged on this machine can ask, is never used.
#include <fmt/format.h>

#include "aws/credential_sources.hpp"
#include "aws/error_code.hpp"
#include "aws/percent.hpp"
#include "net/failure.hpp"

namespace aws {
namespace {

using base::Task;

constexpr base::Milliseconds kTimeout{1'000};
constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";

std::string service_url(const Surroundings& around) {
  if (auto url = around.find("AWS_EC2_METADATA_SERVICE_ENDPOINT"); !url.empty()) return url;
  const bool v6 = base::to_lower(around.find("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")) == "ipv6";
  return v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

// "" when there is no such service here.
Task<std::string> session_token(const Search& search, const net::Url& service) {
  net::HttpRequest request{.method = "PUT",
                           .url = net::join_path(service, "/latest/api/token"),
                           .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}}};
  try {
    const auto response = co_await fetch(search.direct, std::move(request), kTimeout, 1);
    co_return response.status == 200 ? std::string(base::trim(response.body)) : std::string();
  } catch (const base::Error& error) {
    if (!net::failed_stage(error)) throw;
    co_return std::string();
  }
}

Task<net::HttpResponse> get(const Search& search, const net::Url& service, std::string_view path,
                            const std::string& token) {
  net::HttpRequest request{.url = net::join_path(service, path), .headers = {{"x-aws-ec2-metadata-token", token}}};
  co_return co_await fetch(search.direct, std::move(request), kTimeout, 1);
}

}  // namespace

Task<Finding> from_instance(const Search& search) {
  Finding out;
  if (base::to_lower(search.surroundings.find("AWS_EC2_METADATA_DISABLED")) == "true") {
    out.why_not = "AWS_EC2_METADATA_DISABLED is true";
    co_return out;
  }
  const auto service = net::parse_url(service_url(search.surroundings));
  const auto token = co_await session_token(search, service);
  if (token.empty() || token.find_first_of("\r\n") != token.npos) {
    out.why_not = fmt::format("no metadata service (IMDSv2) answered at {}", service.authority);
    co_return out;
  }
  const auto roles = co_await get(search, service, kRoles, token);
  const auto role = std::string(base::trim(roles.body.substr(0, roles.body.find('\n'))));
  if (roles.status == 404 || (roles.status == 200 && role.empty())) {
    out.why_not = "this instance has no role";
    co_return out;
  }
  if (roles.status != 200) throw refused("the metadata service", roles.status, "", "check the instance's role");
  const auto answer = co_await get(search, service, std::string(kRoles) + percent_encode(role), token);
  if (answer.status != 200) throw refused("the metadata service", answer.status, "", "check the instance's role");
  const auto code = error_code({}, answer.body);  // a failure may come as a 200
  if (!code.empty() && code != "Success") {
    throw base::Error(base::Code::dependency_unavailable, fmt::format("the metadata service answered {}", code));
  }
  out.credentials = read_json_credentials(answer.body, "instance metadata");
  co_return out;
}

}  // namespace aws
