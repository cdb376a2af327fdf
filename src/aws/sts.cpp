#include "aws/sts.hpp"

#include <fmt/format.h>

#include "aws/error_code.hpp"
#include "aws/percent.hpp"
#include "aws/region.hpp"
#include "aws/sigv4.hpp"
#include "aws/xml.hpp"

namespace aws {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr base::Milliseconds kTimeout{5'000};
constexpr int kAttempts = 2;

void append_field(std::string& form, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  form.append("&").append(name).append("=");
  append_percent_encoded(form, value);
}

std::string session_name(const Search& search, const Role& role) {
  if (!role.session_name.empty()) return role.session_name;
  return fmt::format("purposepath-{}", search.clock.now().time_since_epoch().count());
}

std::string region_for(const Search& search, const Role& role) {
  if (!role.region.empty()) return role.region;
  auto region = find_region(search.surroundings, search.profiles, search.profile);
  return region.empty() ? "us-east-1" : region;
}

net::HttpRequest request_for(const Search& search, std::string_view action, const Role& role, std::string_view region) {
  net::HttpRequest request{.method = "POST",
                           .url = net::parse_url(endpoint_url(search.surroundings, "STS", "sts", region)),
                           .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                           .repeatable = true};
  auto& form = request.body;
  form = fmt::format("Action={}&Version=2011-06-15", action);
  append_field(form, "RoleArn", role.arn);
  append_field(form, "RoleSessionName", session_name(search, role));
  append_field(form, "DurationSeconds", role.duration_seconds);
  return request;
}

std::string needed(std::string_view body, std::string_view name) {
  auto text = xml_text(body, {"Credentials", name});
  if (text && !text->empty()) return *text;
  throw Error(Code::validation_error, fmt::format("STS gave credentials without {}", name));
}

Task<Credentials> ask(const Search& search, net::HttpRequest request, std::string_view action, const Role& role) {
  const auto who = fmt::format("STS ({}), asked for {} of {},", request.url.authority, action, role.arn);
  const auto response = co_await fetch(search.http, std::move(request), kTimeout, kAttempts);
  const auto& body = response.body;
  if (response.status != 200) {
    const auto code = word_only(xml_text(body, {"Error", "Code"}).value_or(""));
    throw refused(who, response.status, code, "check the role, who may assume it, and the region");
  }
  co_return Credentials{.access_key_id = needed(body, "AccessKeyId"),
                        .secret_access_key = base::Secret(needed(body, "SecretAccessKey")),
                        .session_token = base::Secret(needed(body, "SessionToken")),
                        .expires_at = base::parse_time(needed(body, "Expiration")),
                        .source = std::string(action)};
}

}  // namespace

Task<Credentials> assume_role(const Search& search, const Role& role, const Credentials& ours) {
  const auto region = region_for(search, role);
  auto request = request_for(search, "AssumeRole", role, region);
  append_field(request.body, "ExternalId", role.external_id);
  Signer(region, "sts").sign(request, ours, search.clock.now());
  co_return co_await ask(search, std::move(request), "AssumeRole", role);
}

Task<Credentials> assume_role_with_web_identity(const Search& search, const Role& role) {
  const auto token = std::string(base::trim(read_small_file(role.token_file)));
  if (token.empty()) {
    throw Error(Code::validation_error,
                fmt::format("the web identity's token file {} cannot be read or is empty", role.token_file));
  }
  auto request = request_for(search, "AssumeRoleWithWebIdentity", role, region_for(search, role));
  append_field(request.body, "WebIdentityToken", token);
  co_return co_await ask(search, std::move(request), "AssumeRoleWithWebIdentity", role);
}

}  // namespace aws
