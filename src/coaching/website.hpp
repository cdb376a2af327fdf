#pragma once
// Fetches a web page that somebody names as theirs: from public addresses alone, within bounds of time and size.
#include <boost/describe.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"
#include "coaching/html_text.hpp"

namespace net {
class HttpClient;
}

namespace coaching {

struct Topic;

struct WebsiteOptions {
  base::Milliseconds timeout{10'000};      // for all of it, redirects included
  std::int64_t max_bytes = 2 * 1024 * 1024;
  std::int64_t max_redirects = 5;
  std::int64_t max_text_bytes = 20'000;    // of what is read on the page
  // "127.0.0.1:8080": allowed although not public, on any port. For tests and development; refused in production.
  std::vector<std::string> allow_private;
};
BOOST_DESCRIBE_STRUCT(WebsiteOptions, (), (timeout, max_bytes, max_redirects, max_text_bytes, allow_private))

struct WebPage {
  std::string url;  // where the redirects ended
  PageText page;
};

// A client for fetch_page(): connects to public addresses alone, keeps nothing open, knows the proxies.
std::unique_ptr<net::HttpClient> website_client(const WebsiteOptions& options);

// Throws Error{validation_error} with details [{field: "website_url", message}] for a URL that is none, that leads to a
// private address or another port than 80 and 443 (no request is sent then), and for a site that does not answer, answers
// with an error or with something that is no page: whoever named the site can do something about all of these.
base::Task<WebPage> fetch_page(net::HttpClient& client, const WebsiteOptions& options, std::string url);

// What templates see of a page (source `website`): url, title, description, site_name, language, headings (list), text,
// links (list of {text, href}); what is unknown is null.
base::json::object website_values(const WebPage& page);

inline constexpr std::string_view kWebsiteSource = "website";
inline constexpr std::string_view kWebsiteField = "website_url";  // of the request: names the page
// Whether it is the whole page, or `website.` and one of its members above.
bool is_website_source(std::string_view source);

// Reads pages for topics. Any thread.
class Websites {
 public:
  explicit Websites(WebsiteOptions options = {});
  ~Websites();

  // Fills in the topic's parameters of source `website` from the page that `website_url` of the request names, if it names
  // one; fetches it at most once, and not at all for a topic without them. Throws what fetch_page() throws.
  base::Task<> fill(const Topic& topic, const base::json::object& request, base::json::object& values) const;

 private:
  WebsiteOptions options_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace coaching
