#pragma once
// Which proxy a URL goes through, by the environment variables that curl reads:
// https://everything.curl.dev/usingcurl/proxies/env
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "net/url.hpp"

namespace net {

struct ProxyRules {
  std::optional<Url> for_http;
  std::optional<Url> for_https;
  // Hosts that are reached directly: "*" for all, a domain with all below it ("example.com" and ".example.com" mean the
  // same), an address, or a network ("10.0.0.0/8"). As with curl, the loopback interface is no exception unless listed.
  std::vector<std::string> direct;

  const Url* proxy_for(const Url& url) const;  // nullptr: none
};

using Environment = std::function<const char*(const char* name)>;

// http_proxy, https_proxy, all_proxy, no_proxy, each also in capitals (small letters count first). HTTP_PROXY is not
// looked at under CGI, where a caller's header would set it. Throws Error{validation_error} naming the variable.
ProxyRules proxy_rules_from_environment(const Environment& environment);
ProxyRules proxy_rules_from_environment();

}  // namespace net
