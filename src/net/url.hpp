#pragma once
// http and https URLs (RFC 3986), as far as a client needs them. Parsed once, from configuration, then reused for each
// call: the strings that every request and the connection pool need are made here.
#include <cstdint>
#include <string>
#include <string_view>

namespace net {

struct Url {
  bool tls = false;
  std::string host;            // lower case; an IPv6 address without its brackets
  std::uint16_t port = 80;
  std::string target = "/";    // path and query, as sent
  std::string user_info;       // "user:password" with percent-encoding undone; only proxies use it
  std::string authority;       // the Host header: "example.com", "example.com:8080", "[::1]:8080"
  std::string origin;          // "https://example.com:443": always with the port
};

// Throws Error{validation_error} that quotes neither user nor password.
Url parse_url(std::string_view text);
// The shortest form that parses to the same; without user and password, so that it may be logged.
std::string format_url(const Url& url);
// "http://h/v1" and "/models" -> "http://h/v1/models"; a '/' at the end of the base counts for nothing.
Url join_path(Url base, std::string_view path);

// %41 -> A; a percent sign without two hexadecimal digits behind it stays.
std::string percent_decoded(std::string_view text);

}  // namespace net
