#include "aws/sigv4.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "aws/percent.hpp"

namespace aws {
namespace {

using Headers = std::map<std::string, std::string>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// Proxies and HTTP libraries change these on the way.
bool may_be_changed(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kNames{"authorization",
                                                           "connection",
                                                           "expect",
                                                           "keep-alive",
                                                           "proxy-authenticate",
                                                           "proxy-authorization",
                                                           "te",
                                                           "trailer",
                                                           "upgrade",
                                                           "transfer-encoding",
                                                           "user-agent",
                                                           "x-amzn-trace-id"};
  return std::ranges::find(kNames, name) != kNames.end();
}

// Without white space at both ends, any run of it inside as one space.
std::string squeezed(std::string_view value) {
  std::string out;
  bool gap = false;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!space) {
      if (gap && !out.empty()) out += ' ';
      out += c;
    }
    gap = space;
  }
  return out;
}

// By lower-case name; a name that comes twice has both values.
Headers canonical_headers(const net::HttpRequest& request, bool with_token) {
  Headers headers{{"host", request.url.authority}};
  for (const auto& [name, value] : request.headers) {
    auto lower = base::to_lower(name);
    if (may_be_changed(lower) || lower == "host" || (!with_token && lower == "x-amz-security-token")) continue;
    const auto [at, is_new] = headers.try_emplace(std::move(lower), squeezed(value));
    if (!is_new) at->second += ',' + squeezed(value);
  }
  return headers;
}

std::string names_of(const Headers& headers) {
  std::string names;
  for (const auto& [name, value] : headers) {
    if (!names.empty()) names += ';';
    names += name;
  }
  return names;
}

// RFC 3986, section 5.2.4, and no empty segments either.
std::string normalized(std::string_view path) {
  std::vector<std::string_view> kept;
  std::string_view segment;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    segment = path.substr(begin, end - begin);
    begin = end + 1;
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (segment.empty() || segment == "." || segment == "..") continue;
    kept.push_back(segment);
  }
  std::string out;
  for (const auto part : kept) out.append("/").append(part);
  if (out.empty() || segment.empty() || segment == "." || segment == "..") out += '/';
  return out;
}

// The escapes that go over the wire are escaped once more; S3 alone does without.
std::string canonical_path(std::string_view path, bool normalize) {
  std::string out;
  append_percent_encoded(out, normalize ? normalized(path) : std::string(path), true);
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (std::size_t begin = 0; begin < query.size();) {
    const auto end = std::min(query.find('&', begin), query.size());
    const auto field = query.substr(begin, end - begin);
    begin = end + 1;
    if (field.empty()) continue;
    const auto equals = std::min(field.find('='), field.size());
    const auto value = equals < field.size() ? field.substr(equals + 1) : std::string_view();
    fields.emplace_back(percent_encode(percent_decode(field.substr(0, equals))), percent_encode(percent_decode(value)));
  }
  std::ranges::sort(fields);
  std::string out;
  for (const auto& [name, value] : fields) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

std::string timestamp_of(base::Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

void remove_header(net::HttpRequest& request, std::string_view name) {
  std::erase_if(request.headers, [&](const auto& field) { return net::equal_ignoring_case(field.first, name); });
}

}  // namespace

Digest Signer::key_for(const Credentials& credentials, std::string_view day) {
  const std::lock_guard lock(mutex_);
  if (day_ == day && secret_ == credentials.secret_access_key) return key_;
  const auto secret = "AWS4" + credentials.secret_access_key.reveal();
  const auto* bytes = reinterpret_cast<const unsigned char*>(secret.data());
  key_ = hmac_sha256({bytes, secret.size()}, day);
  for (const std::string_view part :
       {std::string_view(region_), std::string_view(service_), std::string_view("aws4_request")}) {
    key_ = hmac_sha256(key_, part);
  }
  day_ = day;
  secret_ = credentials.secret_access_key;
  return key_;
}

Signature Signer::compute(const net::HttpRequest& request, std::string_view body_hash, const Credentials& credentials,
                          std::string_view timestamp, std::string_view scope) {
  const std::string_view target = request.url.target;
  const auto path_end = std::min(target.find('?'), target.size());
  const auto query = path_end < target.size() ? target.substr(path_end + 1) : std::string_view();
  const auto headers = canonical_headers(request, options_.signs_session_token);
  Signature made;
  auto& canonical = made.canonical_request;
  canonical.append(request.method).append("\n");
  canonical.append(canonical_path(target.substr(0, path_end), options_.normalize_path)).append("\n");
  canonical.append(canonical_query(query)).append("\n");
  for (const auto& [name, value] : headers) canonical.append(name).append(":").append(value).append("\n");
  canonical.append("\n").append(names_of(headers)).append("\n").append(body_hash);
  made.string_to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, timestamp, scope, to_hex(sha256(canonical)));
  made.signature = to_hex(hmac_sha256(key_for(credentials, timestamp.substr(0, 8)), made.string_to_sign));
  return made;
}

Signature Signer::sign(net::HttpRequest& request, const Credentials& credentials, base::Time now) {
  for (const auto* name : {"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"})
    remove_header(request, name);
  const auto timestamp = timestamp_of(now);
  const auto scope = fmt::format("{}/{}/{}/aws4_request", std::string_view(timestamp).substr(0, 8), region_, service_);
  const auto body_hash = to_hex(sha256(request.body));
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token.reveal());
  }
  request.headers.emplace_back("X-Amz-Date", timestamp);
  if (options_.says_content_hash) request.headers.emplace_back("x-amz-content-sha256", body_hash);
  auto made = compute(request, body_hash, credentials, timestamp, scope);
  request.headers.emplace_back(
      "Authorization",
      fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, credentials.access_key_id, scope,
                  names_of(canonical_headers(request, options_.signs_session_token)), made.signature));
  return made;
}

Signature Signer::presign(net::HttpRequest& request, const Credentials& credentials, base::Time now,
                          std::chrono::seconds valid_for) {
  const auto timestamp = timestamp_of(now);
  const auto scope = fmt::format("{}/{}/{}/aws4_request", std::string_view(timestamp).substr(0, 8), region_, service_);
  auto& target = request.url.target;
  const auto append = [&target](std::string_view name, std::string_view value) {
    target += target.find('?') == target.npos ? '?' : '&';
    target.append(name).append("=").append(percent_encode(value));
  };
  append("X-Amz-Algorithm", kAlgorithm);
  append("X-Amz-Credential", credentials.access_key_id + "/" + scope);
  append("X-Amz-Date", timestamp);
  append("X-Amz-SignedHeaders", names_of(canonical_headers(request, true)));
  append("X-Amz-Expires", std::to_string(valid_for.count()));
  const bool has_token = !credentials.session_token.empty();
  if (has_token && options_.signs_session_token) append("X-Amz-Security-Token", credentials.session_token.reveal());
  auto made = compute(request, to_hex(sha256(request.body)), credentials, timestamp, scope);
  if (has_token && !options_.signs_session_token) append("X-Amz-Security-Token", credentials.session_token.reveal());
  append("X-Amz-Signature", made.signature);
  return made;
}

}  // namespace aws
