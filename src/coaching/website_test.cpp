#include "coaching/website.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "coaching/topic.hpp"
#include "net/http_client.hpp"
#include "net/impostor_test.hpp"
#include "net/url.hpp"

namespace coaching {
namespace {

using base::Task;
using net::Impostor;
using net::Peer;

std::string answer(std::string_view head, std::string_view body) {
  return "HTTP/1.1 " + std::string(head) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
constexpr const char* kPage = "200 OK\r\nContent-Type: text/html; charset=utf-8";

struct WebsiteTest : testing::Test {
  boost::asio::io_context context{1};
  int asked = 0;

  // Answers each request by its path.
  net::Script by_path(std::map<std::string, std::string> answers) {
    return [this, answers](Peer& peer) -> Task<void> {
      for (;;) {
        const auto request = co_await peer.read_request();
        if (request.empty()) co_return;
        ++asked;
        const auto path = request.substr(4, request.find(' ', 4) - 4);
        const auto found = answers.find(path);
        if (!co_await peer.send(found == answers.end() ? answer("404 Not Found", "") : found->second)) co_return;
      }
    };
  }

  WebPage fetch(const std::string& url, WebsiteOptions options = {}) {
    const auto client = website_client(options);
    return net::await(context, fetch_page(*client, options, url));
  }

  std::string why_not(const std::string& url, const WebsiteOptions& options = {}) {
    try {
      fetch(url, options);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, base::Code::validation_error);
      EXPECT_EQ(error.details.at(0).at("field"), "website_url");
      return error.message;
    }
    ADD_FAILURE() << url << " was read";
    return {};
  }

  static WebsiteOptions allowing(const Impostor& server) {
    return {.allow_private = {net::parse_url(server.url()).authority}};
  }
};

TEST_F(WebsiteTest, ReadsAPageBehindRedirects) {
  Impostor server(context, by_path({{"/", answer("301 Moved\r\nLocation: /de/", "")},
                                    {"/de/", answer("302 Found\r\nLocation: start.html?x=1#top", "")},
                                    {"/de/start.html?x=1", answer(kPage, "<title>T</title><h1>H</h1><p>Brot.</p>")}}));
  const auto page = fetch(server.url(), allowing(server));
  EXPECT_EQ(page.page.text, "H\nBrot.\n");
  EXPECT_TRUE(page.url.ends_with("/de/start.html?x=1")) << page.url;
  const auto values = website_values(page);
  EXPECT_EQ(values.at("title"), "T");
  EXPECT_TRUE(values.at("description").is_null());
}

TEST_F(WebsiteTest, NeverAsksAPrivateAddress) {
  Impostor server(context, by_path({{"/", answer(kPage, "<p>inside")}}));
  const auto port = std::to_string(net::parse_url(server.url()).port);
  for (const auto& url :
       {"http://127.0.0.1", "http://127.0.0.1:80/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
        "http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://localhost/", "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/", "http://10.0.0.1/", "http://user:pass@example.com/", "ftp://example.com/", "http://",
        "file:///etc/passwd", "http://example.com:22/", "gopher://x", "http://[fd00:ec2::254]/"}) {
    EXPECT_NE(why_not(url), "") << url;
  }
  EXPECT_NE(why_not("http://localhost:" + port).find("ports"), std::string::npos);
  EXPECT_EQ(asked, 0);
}

TEST_F(WebsiteTest, ChecksWhereARedirectLeads) {
  Impostor inside(context, by_path({{"/", answer(kPage, "<p>inside")}}));
  for (const auto& target : {inside.url(), std::string("http://169.254.169.254/"), std::string("//[::1]/"),
                             std::string("http://2130706433/"), std::string("file:///etc/passwd")}) {
    Impostor server(context, by_path({{"/", answer("302 Found\r\nLocation: " + target, "")}}));
    asked = 0;
    EXPECT_NE(why_not(server.url(), allowing(server)), "") << target;
    EXPECT_EQ(asked, 1) << target;
  }
}

TEST_F(WebsiteTest, SaysWhatIsWrongWithASite) {
  const std::string large(3'000'000, 'x');
  Impostor server(context, by_path({{"/gone", answer("410 Gone", "")},
                                    {"/loop", answer("302 Found\r\nLocation: /loop", "")},
                                    {"/large", answer(kPage, large)},
                                    {"/pdf", answer("200 OK\r\nContent-Type: application/pdf", "%PDF")},
                                    {"/zip", answer("200 OK\r\nContent-Encoding: gzip", "x")},
                                    {"/script", answer(kPage, "<div id=app></div><script>x()</script>")}}));
  const auto options = allowing(server);
  const auto says = [&](const char* path, const char* what) {
    const auto why = why_not(server.url(path), options);
    EXPECT_NE(why.find(what), why.npos) << path << ": " << why;
  };
  says("/gone", "410");
  says("/loop", "redirects again and again");
  says("/large", "too large");
  says("/pdf", "no web page");
  says("/zip", "encoding");
  says("/script", "no text");
}

TEST_F(WebsiteTest, WaitsNoLongerThanItsTime) {
  Impostor server(context, [](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.until_closed();
  });
  auto options = allowing(server);
  options.timeout = base::Milliseconds(60);
  EXPECT_NE(why_not(server.url(), options).find("in time"), std::string::npos);
}

TEST_F(WebsiteTest, FillsWhatATopicTakesFromThePage) {
  Impostor server(context, by_path({{"/", answer(kPage, "<title>T</title><h1>H</h1><p>Brot.</p>")}}));
  const Websites websites(allowing(server));
  Topic topic;
  topic.parameters = {{.name = "page", .source = "website"},
                      {.name = "heading", .source = "website.title"},
                      {.name = "lead", .source = "website.description", .default_value = "none"},
                      {.name = "focus", .source = "request"}};
  base::json::object values{{"page", nullptr}, {"heading", nullptr}, {"lead", nullptr}, {"focus", "bread"}};
  net::await(context, websites.fill(topic, {{"website_url", server.url()}}, values));
  EXPECT_EQ(values.at("page").at("text"), "H\nBrot.\n");
  EXPECT_EQ(values.at("heading"), "T");
  EXPECT_EQ(values.at("lead"), "none");
  EXPECT_EQ(values.at("focus"), "bread");
  EXPECT_EQ(asked, 1);
}

TEST_F(WebsiteTest, FetchesNothingThatNobodyUses) {
  Impostor server(context, by_path({{"/", answer(kPage, "<p>Brot.")}}));
  const Websites websites(allowing(server));
  Topic topic;
  topic.parameters = {{.name = "focus", .source = "request"}};
  base::json::object values{{"focus", nullptr}};
  net::await(context, websites.fill(topic, {{"website_url", server.url()}}, values));
  topic.parameters.push_back({.name = "page", .source = "website"});
  net::await(context, websites.fill(topic, {{"website_url", nullptr}}, values));
  net::await(context, websites.fill(topic, {}, values));
  EXPECT_EQ(asked, 0);
}

TEST(WebsiteSource, IsThePageOrAPartOfIt) {
  for (const auto* source : {"website", "website.title", "website.links"}) EXPECT_TRUE(is_website_source(source));
  for (const auto* source : {"website.", "website.price", "websites", "web", "website_url"}) {
    EXPECT_FALSE(is_website_source(source)) << source;
  }
}

}  // namespace
}  // namespace coaching
