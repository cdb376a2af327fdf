#include "http/cors.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace http {
namespace {

constexpr std::string_view kMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
constexpr std::string_view kRequestHeaders =
    "Authorization, Content-Type, Accept, Accept-Language, Idempotency-Key, Last-Event-ID, Prefer, Traceparent, "
    "X-Request-Id";
constexpr std::string_view kExposedHeaders =
    "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, Location, ETag";

// scheme://host[:port] and nothing after it, as a browser sends it; `host` may begin with "*." in the configuration.
bool is_origin(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const auto host = text.substr(scheme.size());
    const auto rest = host.starts_with("*.") ? host.substr(2) : host;
    return !rest.empty() && rest.find_first_of("/*?# @") == std::string_view::npos;
  }
  return false;
}

// "https://*.example.com" takes https://app.example.com, and neither https://example.com nor https://badexample.com.
bool matches(std::string_view pattern, std::string_view origin) {
  const auto star = pattern.find("*.");
  if (star == std::string_view::npos) return pattern == origin;
  const auto scheme = pattern.substr(0, star);
  const auto domain = pattern.substr(star + 1);
  if (!origin.starts_with(scheme) || !origin.ends_with(domain)) return false;
  if (origin.size() <= scheme.size() + domain.size()) return false;
  const auto subdomain = origin.substr(scheme.size(), origin.size() - scheme.size() - domain.size());
  return subdomain.find_first_of("/:@") == std::string_view::npos;
}

}  // namespace

Cors::Cors(CorsOptions options) : options_(std::move(options)) {
  for (auto& origin : options_.origins) {
    origin = base::to_lower(origin);
    if (origin.ends_with('/')) origin.pop_back();
    if (origin == "*") {
      any_ = true;
    } else if (!is_origin(origin)) {
      throw base::Error(base::Code::validation_error, "cors.origins: '" + origin +
                                                          "' is not an origin; write https://app.example.com, "
                                                          "https://*.example.com or *");
    }
  }
  if (any_ && options_.credentials) {
    throw base::Error(base::Code::validation_error,
                      "cors: browsers refuse the origin * together with credentials; list the origins, or set "
                      "cors.credentials to false");
  }
}

bool Cors::allows(std::string_view origin) const {
  return any_ || std::any_of(options_.origins.begin(), options_.origins.end(),
                             [&](const std::string& pattern) { return matches(pattern, origin); });
}

std::string_view Cors::allow_origin(std::string_view origin) const {
  if (any_) return "*";
  return allows(origin) ? origin : std::string_view();
}

std::optional<Response> Cors::preflight(const Request& request) const {
  if (request.method != "OPTIONS") return std::nullopt;
  const auto origin = request.header("origin");
  if (origin.empty() || request.header("access-control-request-method").empty()) return std::nullopt;
  auto response = Response::no_content();
  if (allow_origin(origin).empty()) return response;
  // append_headers() adds the origin, credentials and Vary.
  response.headers.emplace_back("Access-Control-Allow-Methods", kMethods);
  response.headers.emplace_back("Access-Control-Allow-Headers", kRequestHeaders);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.max_age).count();
  response.headers.emplace_back("Access-Control-Max-Age", std::to_string(seconds));
  return response;
}

void Cors::append_headers(const Request& request, std::string& head) const {
  if (options_.origins.empty()) return;
  if (!any_) head += "Vary: Origin\r\n";
  const auto origin = request.header("origin");
  if (origin.empty()) return;
  const auto allowed = allow_origin(origin);
  if (allowed.empty()) return;
  head += "Access-Control-Allow-Origin: ";
  head += allowed;
  head += "\r\nAccess-Control-Expose-Headers: ";
  head += kExposedHeaders;
  head += "\r\n";
  if (options_.credentials) head += "Access-Control-Allow-Credentials: true\r\n";
}

}  // namespace http
