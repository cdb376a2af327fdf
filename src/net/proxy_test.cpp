#include "net/proxy.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/error.hpp"

namespace net {
namespace {

ProxyRules rules(const std::map<std::string, std::string>& environment) {
  return proxy_rules_from_environment([&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

std::string proxy(const ProxyRules& from, std::string_view url) {
  const auto* found = from.proxy_for(parse_url(url));
  return found == nullptr ? "direct" : format_url(*found);
}

TEST(Proxy, IsChosenByScheme) {
  const auto both = rules({{"http_proxy", "http://a:3128"}, {"HTTPS_PROXY", "b:8080"}});
  EXPECT_EQ(proxy(both, "http://x"), "http://a:3128");
  EXPECT_EQ(proxy(both, "https://x"), "http://b:8080");
  EXPECT_EQ(proxy(rules({}), "https://x"), "direct");
  EXPECT_EQ(proxy(rules({{"https_proxy", ""}}), "https://x"), "direct");
}

TEST(Proxy, OfAllSchemesCountsLast) {
  const auto all = rules({{"ALL_PROXY", "http://all"}, {"https_proxy", "http://only"}});
  EXPECT_EQ(proxy(all, "http://x"), "http://all");
  EXPECT_EQ(proxy(all, "https://x"), "http://only");
}

TEST(Proxy, OfACgiRequestHeaderIsNotBelieved) {
  EXPECT_EQ(proxy(rules({{"HTTP_PROXY", "http://evil"}, {"REQUEST_METHOD", "GET"}}), "http://x"), "direct");
  EXPECT_EQ(proxy(rules({{"HTTP_PROXY", "http://good"}}), "http://x"), "http://good");
}

TEST(Proxy, IsLeftOutForListedHosts) {
  const auto some =
      rules({{"http_proxy", "http://p"}, {"no_proxy", "example.com, .internal,10.0.0.0/8 ::1,192.168.1.7"}});
  for (const auto* url : {"http://example.com", "http://EXAMPLE.com:81", "http://a.b.example.com", "http://x.internal",
                          "http://internal", "http://10.200.3.4", "http://[::1]:11434", "http://192.168.1.7"}) {
    EXPECT_EQ(proxy(some, url), "direct") << url;
  }
  for (const auto* url : {"http://notexample.com", "http://example.com.org", "http://11.0.0.1", "http://[::2]",
                          "http://192.168.1.70", "http://com"}) {
    EXPECT_EQ(proxy(some, url), "http://p") << url;
  }
  EXPECT_EQ(proxy(rules({{"http_proxy", "http://p"}, {"NO_PROXY", "*"}}), "http://any.where"), "direct");
}

TEST(Proxy, IsUsedForTheLoopbackInterfaceToo) {
  EXPECT_EQ(proxy(rules({{"http_proxy", "http://p"}}), "http://localhost:11434"), "http://p");
}

TEST(Proxy, OfAnotherKindIsRefusedByTheNameOfItsVariable) {
  for (const auto* value : {"socks5://p:1080", "https://p", "http://"}) {
    try {
      rules({{"https_proxy", value}});
      FAIL() << value;
    } catch (const base::Error& error) {
      EXPECT_NE(error.message.find("https_proxy"), error.message.npos) << error.message;
    }
  }
}

}  // namespace
}  // namespace net
