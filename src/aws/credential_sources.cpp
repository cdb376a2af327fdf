#include "aws/credential_sources.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "aws/command.hpp"

namespace aws {
namespace {

namespace json = boost::json;
using base::Code;
using base::Error;

std::string member(const json::object& object, std::initializer_list<const char*> names) {
  for (const auto* name : names) {
    const auto* found = object.if_contains(name);
    if (found != nullptr && found->is_string()) return std::string(found->get_string());
  }
  return {};
}

std::string needed(const json::object& object, const char* name, const char* lower, std::string_view source) {
  auto text = member(object, {name, lower});
  if (text.empty()) throw Error(Code::validation_error, fmt::format("{} gave credentials without {}", source, name));
  return text;
}

}  // namespace

Error refused(std::string_view who, int status, std::string_view code, std::string_view advice) {
  const bool passes = status == 408 || status == 429 || status >= 500;
  return {passes ? Code::dependency_unavailable : Code::validation_error,
          fmt::format("{} answered {}{}{}", who, status, code.empty() ? "" : fmt::format(" ({})", code),
                      passes ? "" : fmt::format("; {}", advice))};
}

Credentials read_json_credentials(std::string_view body, std::string_view source) {
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed);
  if (failed || !value.is_object()) {
    throw Error(Code::validation_error, fmt::format("{} gave something other than a JSON object", source));
  }
  const auto& object = value.get_object();
  Credentials found;
  found.access_key_id = needed(object, "AccessKeyId", "accessKeyId", source);
  found.secret_access_key = base::Secret(needed(object, "SecretAccessKey", "secretAccessKey", source));
  found.session_token = base::Secret(member(object, {"Token", "SessionToken", "sessionToken"}));
  if (const auto expiration = member(object, {"Expiration"}); !expiration.empty()) {
    found.expires_at = base::parse_time(expiration);
  }
  found.source = source;
  return found;
}

base::Task<net::HttpResponse> fetch(net::HttpClient& http, net::HttpRequest request, base::Milliseconds timeout,
                                    int attempts) {
  constexpr std::int64_t kMostBytes = 256 * 1024;
  request.timeouts = {.connect = timeout, .first_byte = timeout, .idle = timeout, .total = timeout};
  request.max_body_bytes = kMostBytes;
  for (;; --attempts) {
    try {
      auto response = co_await http.send(request);
      if (attempts <= 1 || response.status < 500) co_return response;
    } catch (const Error&) {
      if (attempts <= 1) throw;
    }
  }
}

base::Task<Finding> from_environment(const Search& search) {
  const auto& around = search.surroundings;
  Finding out;
  const auto id = around.find("AWS_ACCESS_KEY_ID");
  const auto secret = around.find("AWS_SECRET_ACCESS_KEY");
  if (id.empty()) {
    out.why_not = "AWS_ACCESS_KEY_ID is not set";
  } else if (secret.empty()) {
    throw Error(Code::validation_error, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
  } else {
    out.credentials = Credentials{.access_key_id = id,
                                  .secret_access_key = base::Secret(secret),
                                  .session_token = base::Secret(around.find("AWS_SESSION_TOKEN")),
                                  .source = "environment"};
  }
  co_return out;
}

base::Task<Finding> from_process(const Search& search) { return process_of(search, search.profile); }

base::Task<Finding> process_of(const Search& search, const std::string& name) {
  constexpr base::Milliseconds kTimeout{15'000};  // it may wait for a network of its own
  const auto* profile = search.profiles.find(name);
  const auto line = profile != nullptr ? profile->find("credential_process") : std::string();
  Finding out;
  if (line.empty()) {
    out.why_not = fmt::format("profile {} has no credential_process", name);
    co_return out;
  }
  const auto answer = co_await run_command(split_command(line), search.surroundings.variables, kTimeout);
  out.credentials = read_json_credentials(answer, "credential_process");
  co_return out;
}

}  // namespace aws
