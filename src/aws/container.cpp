#include "aws/container.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aws/credential_sources.hpp"
#include "aws/error_code.hpp"

namespace aws {
namespace {

using base::Code;
using base::Error;

constexpr base::Milliseconds kTimeout{2'000};
constexpr int kAttempts = 3;

bool may_be_plain(const std::string& host) {
  static constexpr std::array<std::string_view, 4> kHosts{"localhost", "169.254.170.2", "169.254.170.23",
                                                          "fd00:ec2::23"};
  if (std::ranges::find(kHosts, host) != kHosts.end() || host == "::1") return true;
  const bool is_address = host.find_first_not_of("0123456789.") == host.npos && std::ranges::count(host, '.') == 3;
  return is_address && host.starts_with("127.");  // 127.0.0.1.example.com is no loopback
}

// What goes into the header Authorization; "" for none. The file is read each time, its token changes.
base::Secret authorization(const Surroundings& around) {
  std::string token;
  if (const auto file = around.find("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
    token = read_small_file(file);
    if (token.empty()) {
      throw Error(Code::validation_error,
                  fmt::format("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: {} cannot be read or is empty", file));
    }
  } else {
    token = around.find("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  }
  if (token.find_first_of("\r\n") != token.npos) {
    throw Error(Code::validation_error,
                "the container's authorization token contains a line break, which would end "
                "its header; remove it");
  }
  return base::Secret(std::move(token));
}

}  // namespace

std::optional<net::Url> container_url(const Surroundings& around) {
  if (const auto path = around.find("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !path.empty()) {
    if (!path.starts_with('/')) {
      throw Error(Code::validation_error, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with '/'");
    }
    return net::parse_url("http://169.254.170.2" + path);
  }
  const auto full = around.find("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (full.empty()) return std::nullopt;
  auto url = net::parse_url(full);
  if (url.tls || may_be_plain(url.host)) return url;
  throw Error(
      Code::validation_error,
      fmt::format("AWS_CONTAINER_CREDENTIALS_FULL_URI: {} is neither https nor an address of this machine or of "
                  "a container service",
                  url.host));
}

base::Task<Finding> from_container(const Search& search) {
  const auto url = container_url(search.surroundings);
  Finding out;
  if (!url) {
    out.why_not = "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set";
    co_return out;
  }
  net::HttpRequest request{.url = *url, .headers = {{"Accept", "application/json"}}};
  const auto token = authorization(search.surroundings);
  if (!token.empty()) request.headers.emplace_back("Authorization", token.reveal());
  const auto response = co_await fetch(search.direct, std::move(request), kTimeout, kAttempts);
  if (response.status != 200) {
    throw refused("the container's credential endpoint", response.status, error_code(response.headers, response.body),
                  "check the role of the task");
  }
  out.credentials = read_json_credentials(response.body, "container");
  co_return out;
}

}  // namespace aws
