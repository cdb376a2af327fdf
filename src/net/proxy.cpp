#include "net/proxy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cstdlib>

#include "base/error.hpp"
#include "base/text.hpp"

namespace net {
namespace {

namespace ip = boost::asio::ip;

bool in_network(const ip::address& address, const std::string& network) {
  boost::system::error_code failed;
  if (address.is_v4()) {
    const auto v4 = ip::make_network_v4(network, failed);
    return !failed && ip::network_v4(address.to_v4(), v4.prefix_length()).canonical() == v4.canonical();
  }
  const auto v6 = ip::make_network_v6(network, failed);
  return !failed && ip::network_v6(address.to_v6(), v6.prefix_length()).canonical() == v6.canonical();
}

bool matches_address(const ip::address& address, const std::string& rule) {
  if (rule.find('/') != rule.npos) return in_network(address, rule);
  boost::system::error_code failed;
  const auto bare = rule.starts_with('[') && rule.ends_with(']') ? rule.substr(1, rule.size() - 2) : rule;
  return ip::make_address(bare, failed) == address && !failed;
}

bool matches_name(std::string_view host, std::string_view rule) {
  if (rule.starts_with('.')) rule.remove_prefix(1);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (rule.ends_with('.')) rule.remove_suffix(1);
  if (rule.empty() || !host.ends_with(rule)) return false;
  return host.size() == rule.size() || host[host.size() - rule.size() - 1] == '.';
}

std::optional<Url> parse_proxy(const char* name, const char* value) {
  std::string text = value;
  if (text.find("://") == text.npos) text = "http://" + text;
  try {
    auto url = parse_url(text);
    if (!url.tls) return url;
  } catch (const base::Error& error) {
    throw base::Error(base::Code::validation_error, fmt::format("environment variable {}: {}", name, error.message));
  }
  throw base::Error(base::Code::validation_error,
                    fmt::format("environment variable {}: only http:// proxies are supported", name));
}

struct Setting {
  const char* name = nullptr;
  const char* value = nullptr;
};

Setting first_set(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = environment(name);
    if (value != nullptr && *value != '\0') return {name, value};
  }
  return {};
}

}  // namespace

const Url* ProxyRules::proxy_for(const Url& url) const {
  const auto& proxy = url.tls ? for_https : for_http;
  if (!proxy) return nullptr;
  boost::system::error_code is_name;
  const auto address = ip::make_address(url.host, is_name);
  for (const auto& rule : direct) {
    if (rule == "*") return nullptr;
    if (is_name ? matches_name(url.host, rule) : matches_address(address, rule)) return nullptr;
  }
  return &*proxy;
}

ProxyRules proxy_rules_from_environment(const Environment& environment) {
  ProxyRules rules;
  const bool cgi = environment("REQUEST_METHOD") != nullptr;
  const auto all = first_set(environment, {"all_proxy", "ALL_PROXY"});
  auto http = first_set(environment, {"http_proxy", cgi ? "http_proxy" : "HTTP_PROXY"});
  auto https = first_set(environment, {"https_proxy", "HTTPS_PROXY"});
  if (http.value == nullptr) http = all;
  if (https.value == nullptr) https = all;
  if (http.value != nullptr) rules.for_http = parse_proxy(http.name, http.value);
  if (https.value != nullptr) rules.for_https = parse_proxy(https.name, https.value);
  const auto direct = first_set(environment, {"no_proxy", "NO_PROXY"});
  const std::string list = base::to_lower(direct.value != nullptr ? direct.value : "");
  for (std::size_t begin = 0; (begin = list.find_first_not_of(", \t", begin)) != list.npos;) {
    const auto end = std::min(list.find_first_of(", \t", begin), list.size());
    rules.direct.push_back(list.substr(begin, end - begin));
    begin = end;
  }
  return rules;
}

ProxyRules proxy_rules_from_environment() {
  return proxy_rules_from_environment([](const char* name) { return std::getenv(name); });
}

}  // namespace net
