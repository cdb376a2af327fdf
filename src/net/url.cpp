#include "net/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.hpp"
#include "base/text.hpp"

namespace net {
namespace {

// What is wrong with an URL; `shown` never holds its user and password.
[[noreturn]] void refuse(std::string_view shown, std::string_view why) {
  throw base::Error(base::Code::validation_error, fmt::format("the URL \"{}\" {}", shown, why));
}

std::string without_user(std::string_view text) {
  const auto scheme = text.find("://");
  const auto begin = scheme == text.npos ? 0 : scheme + 3;
  const auto at = text.substr(begin, text.find_first_of("/?#", begin) - begin).rfind('@');
  if (at == text.npos) return std::string(base::prefix_bytes(text, 200));
  return fmt::format("{}…@{}", text.substr(0, begin), base::prefix_bytes(text.substr(begin + at + 1), 200));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    out += escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return out;
}

namespace {

bool valid_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// Splits "host:port" or "[v6]:port"; returns the port's text.
std::string_view split_host(std::string_view host_port, std::string& host, std::string_view shown) {
  if (host_port.starts_with('[')) {
    const auto end = host_port.find(']');
    if (end == host_port.npos) refuse(shown, "lacks the ']' that closes an IPv6 address");
    host = base::to_lower(host_port.substr(1, end - 1));
    if (host.find(':') == host.npos || host.find_first_not_of("0123456789abcdef:.") != host.npos) {
      refuse(shown, "has no valid IPv6 address between '[' and ']'");
    }
    auto rest = host_port.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') refuse(shown, "has something other than a port after ']'");
    return rest.empty() ? rest : rest.substr(1);
  }
  const auto colon = host_port.find(':');
  host = base::to_lower(host_port.substr(0, colon));
  if (host.empty()) refuse(shown, "has no host");
  if (!std::ranges::all_of(host, valid_host_character))
    refuse(shown, "has characters in its host that no host name has");
  return colon == host_port.npos ? std::string_view() : host_port.substr(colon + 1);
}

void finish(Url& url) {
  const bool default_port = url.port == (url.tls ? 443 : 80);
  const bool v6 = url.host.find(':') != url.host.npos;
  const auto host = v6 ? "[" + url.host + "]" : url.host;
  url.authority = default_port ? host : fmt::format("{}:{}", host, url.port);
  url.origin = fmt::format("{}://{}:{}", url.tls ? "https" : "http", host, url.port);
}

}  // namespace

Url parse_url(std::string_view text) {
  const auto shown = without_user(text);
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; })) {
    refuse(shown, "contains a space or a control character");
  }
  Url url;
  const auto scheme_end = text.find("://");
  const auto scheme = base::to_lower(text.substr(0, scheme_end == text.npos ? 0 : scheme_end));
  if (scheme != "http" && scheme != "https") refuse(shown, "must begin with http:// or https://");
  url.tls = scheme == "https";
  auto rest = text.substr(scheme_end + 3);
  const auto authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  auto authority = rest.substr(0, authority_end);
  rest = rest.substr(authority_end, rest.find('#', authority_end) - authority_end);
  if (const auto at = authority.rfind('@'); at != authority.npos) {
    url.user_info = percent_decoded(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  const auto port = split_host(authority, url.host, shown);
  url.port = url.tls ? 443 : 80;
  if (!port.empty()) {
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (failed != std::errc() || end != port.data() + port.size() || url.port == 0) {
      refuse(shown, "has a port that is not a number from 1 to 65535");
    }
  }
  url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  finish(url);
  return url;
}

std::string format_url(const Url& url) {
  return fmt::format("{}://{}{}", url.tls ? "https" : "http", url.authority, url.target == "/" ? "" : url.target);
}

Url join_path(Url base, std::string_view path) {
  while (base.target.ends_with('/')) base.target.pop_back();
  if (!path.starts_with('/')) base.target += '/';
  base.target += path;
  return base;
}

}  // namespace net
