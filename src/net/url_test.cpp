#include "net/url.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace net {
namespace {

TEST(Url, SplitsIntoItsParts) {
  const auto url = parse_url("HTTPS://API.Example.com/v1/chat?x=1#part");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "api.example.com");
  EXPECT_EQ(url.port, 443);
  EXPECT_EQ(url.target, "/v1/chat?x=1");
  EXPECT_EQ(url.authority, "api.example.com");
  EXPECT_EQ(url.origin, "https://api.example.com:443");
}

TEST(Url, NamesThePortInTheHostHeaderUnlessItIsTheDefault) {
  EXPECT_EQ(parse_url("http://localhost:11434/v1").authority, "localhost:11434");
  EXPECT_EQ(parse_url("http://localhost:80").authority, "localhost");
  EXPECT_EQ(parse_url("https://localhost:80").authority, "localhost:80");
}

TEST(Url, TakesAddressesOfBothFamilies) {
  const auto url = parse_url("http://[::1]:8080/x");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.authority, "[::1]:8080");
  EXPECT_EQ(parse_url("http://10.0.0.1").origin, "http://10.0.0.1:80");
}

TEST(Url, KeepsAQueryWithoutAPath) { EXPECT_EQ(parse_url("http://h?a=b").target, "/?a=b"); }

TEST(Url, FormatsToWhatItWasParsedFrom) {
  for (const auto* text : {"http://h", "https://h:8443/a/b?c=d", "http://[2001:db8::1]/x", "http://a_b.local:81"}) {
    EXPECT_EQ(format_url(parse_url(text)), text);
  }
}

TEST(Url, JoinsPathsWithOneSlash) {
  EXPECT_EQ(join_path(parse_url("http://h/v1/"), "/models").target, "/v1/models");
  EXPECT_EQ(join_path(parse_url("http://h"), "models").target, "/models");
}

TEST(Url, NeverShowsUserAndPassword) {
  const auto url = parse_url("http://user:p%40ss@proxy:3128");
  EXPECT_EQ(url.user_info, "user:p@ss");
  EXPECT_EQ(format_url(url), "http://proxy:3128");
  try {
    parse_url("ftp://user:hidden@host/x");
    FAIL() << "ftp was taken";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.message.find("hidden"), error.message.npos) << error.message;
  }
}

struct Refused {
  const char* text;
  const char* because;
};

class RefusedUrl : public testing::TestWithParam<Refused> {};

TEST_P(RefusedUrl, SaysWhy) {
  try {
    parse_url(GetParam().text);
    FAIL() << GetParam().text << " was taken";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code, base::Code::validation_error);
    EXPECT_NE(error.message.find(GetParam().because), error.message.npos) << error.message;
  }
}

INSTANTIATE_TEST_SUITE_P(Url, RefusedUrl,
                         testing::Values(Refused{"", "must begin"}, Refused{"api.example.com/v1", "must begin"},
                                         Refused{"ftp://h", "must begin"}, Refused{"http://", "no host"},
                                         Refused{"http:///v1", "no host"}, Refused{"http://h:0", "port"},
                                         Refused{"http://h:65536", "port"}, Refused{"http://h:8x", "port"},
                                         Refused{"http://[::1", "']'"}, Refused{"http://[zz]", "IPv6"},
                                         Refused{"http://[::1]x", "port"}, Refused{"http://h/a b", "space"},
                                         Refused{"http://h/\r\nX: y", "control"},
                                         Refused{"http://h\"ost", "characters"}));

}  // namespace
}  // namespace net
