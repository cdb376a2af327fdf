#include "coaching/website.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/error.hpp"
#include "coaching/topic.hpp"
#include "net/failure.hpp"
#include "net/http_client.hpp"
#include "net/public_address.hpp"
#include "net/url.hpp"

namespace coaching {
namespace {

using base::Error;
using base::Milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kLongestUrl = 2'000;

Error refused(const std::string& why) {
  return {base::Code::validation_error, "the website cannot be read: " + why,
          base::json::array{base::json::object{{"field", "website_url"}, {"message", why}}}};
}

bool is_allowed_private(const WebsiteOptions& options, const net::Url& url) {
  return std::ranges::find(options.allow_private, fmt::format("{}:{}", url.host, url.port)) !=
         options.allow_private.end();
}

// Everything that can be said about a URL without looking its host up.
net::Url checked_url(const WebsiteOptions& options, const std::string& text) {
  if (text.size() > kLongestUrl) throw refused("its URL is longer than 2,000 characters");
  net::Url url;
  try {
    url = net::parse_url(text);
  } catch (const Error&) {  // its message quotes what was given; the client knows what it gave
    throw refused("this is no URL; give one like https://www.example.com");
  }
  if (!url.user_info.empty()) throw refused("its URL holds a user name");
  if (net::is_odd_number_host(url.host)) throw refused("its host is a number in an odd form");
  if (!is_allowed_private(options, url) && url.port != (url.tls ? 443 : 80)) {
    throw refused("only the ports 80 (http) and 443 (https) are visited");
  }
  return url;
}

// RFC 3986 section 5.2, as far as a Location needs it.
std::string resolve(const net::Url& base, std::string_view reference) {
  const auto fragment = reference.find('#');
  reference = reference.substr(0, fragment);
  const std::string scheme = base.tls ? "https:" : "http:";
  if (reference.find("://") != reference.npos) return std::string(reference);
  if (reference.starts_with("//")) return scheme + std::string(reference);
  const auto origin = scheme + "//" + base.authority;
  if (reference.starts_with('/')) return origin + std::string(reference);
  const auto path = base.target.substr(0, base.target.find('?'));
  if (reference.starts_with('?')) return origin + path + std::string(reference);
  return origin + path.substr(0, path.rfind('/') + 1) + std::string(reference);
}

std::string explain(const Error& error) {
  switch (net::failed_stage(error).value_or(net::Stage::response)) {
    case net::Stage::refused: return "it is not in the public Internet";
    case net::Stage::dns: return "its name cannot be found";
    case net::Stage::connect: return net::timed_out(error) ? "it does not answer in time" : "it refuses connections";
    case net::Stage::tls: return "no secure connection to it can be made";
    default: return net::timed_out(error) ? "it does not answer in time" : "its answer is broken or too large";
  }
}

base::Task<net::HttpResponse> get(net::HttpClient& client, const WebsiteOptions& options, const net::Url& url,
                                  Milliseconds left) {
  net::HttpRequest request;
  request.url = url;
  request.headers = {{"Accept", "text/html, application/xhtml+xml, text/plain;q=0.5"}, {"Accept-Encoding", "identity"}};
  request.max_body_bytes = options.max_bytes;
  request.timeouts = {.connect = left, .first_byte = left, .idle = left, .total = left};
  try {
    co_return co_await client.send(request);
  } catch (const Error& error) {
    throw refused(explain(error));
  }
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view parameter(std::string_view content_type, std::string_view name) {
  const auto at = content_type.find(name);
  if (at == content_type.npos) return {};
  auto value = content_type.substr(at + name.size());
  if (value.starts_with('"')) value.remove_prefix(1);
  return value.substr(0, value.find_first_of("\"; "));
}

PageText read(const net::HttpResponse& response, std::size_t most_bytes) {
  if (response.status != 200) throw refused(fmt::format("it answered {}", response.status));
  const auto encoding = response.headers.find("content-encoding");
  if (!encoding.empty() && encoding != "identity") throw refused("it answers in an encoding that nobody asked for");
  const auto type = base::to_lower(response.headers.find("content-type"));
  auto charset = std::string(parameter(type, "charset="));
  if (type.starts_with("text/plain")) {
    PageText page;
    const auto text = to_utf8(response.body, charset);
    page.text = base::prefix_bytes(text, most_bytes);
    page.cut = page.text.size() < text.size();
    return page;
  }
  if (!type.empty() && !type.starts_with("text/html") && !type.starts_with("application/xhtml+xml")) {
    throw refused("it is no web page but something else (its content type is neither HTML nor text)");
  }
  if (charset.empty()) charset = charset_in(response.body);
  return read_html(to_utf8(response.body, charset), most_bytes);
}

}  // namespace

std::unique_ptr<net::HttpClient> website_client(const WebsiteOptions& options) {
  net::ClientOptions client;
  client.max_connections = 64;
  client.idle_for = Milliseconds(0);
  client.max_body_bytes = options.max_bytes;
  client.public_only = true;
  client.public_exceptions = options.allow_private;
  return std::make_unique<net::HttpClient>(client);
}

base::Task<WebPage> fetch_page(net::HttpClient& client, const WebsiteOptions& options, std::string address) {
  const auto by = steady_clock::now() + options.timeout;
  if (address.find("://") == address.npos) address = "https://" + address;
  auto url = checked_url(options, address);
  for (std::int64_t redirects = 0;; ++redirects) {
    const auto left = std::chrono::duration_cast<Milliseconds>(by - steady_clock::now());
    if (left.count() <= 0) throw refused("it does not answer in time");
    const auto response = co_await get(client, options, url, left);
    if (!is_redirect(response.status)) {
      WebPage page{net::format_url(url), read(response, static_cast<std::size_t>(options.max_text_bytes))};
      if (page.page.text.empty()) throw refused("there is no text on its page (is it made by scripts alone?)");
      co_return page;
    }
    if (redirects == options.max_redirects) throw refused("it redirects again and again");
    const auto location = response.headers.find("location");
    if (location.empty()) throw refused("it redirects to nowhere");
    url = checked_url(options, resolve(url, location));
  }
}

base::json::object website_values(const WebPage& found) {
  const auto& page = found.page;
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? base::json::value() : base::json::value(text);
  };
  base::json::array headings;
  for (const auto& heading : page.headings) headings.emplace_back(heading);
  base::json::array links;
  for (const auto& link : page.links) {
    if (!link.text.empty()) links.push_back(base::json::object{{"text", link.text}, {"href", link.href}});
  }
  return {{"url", found.url},
          {"title", text_or_null(page.title)},
          {"description", text_or_null(page.description)},
          {"site_name", text_or_null(page.site_name)},
          {"language", text_or_null(page.language)},
          {"headings", std::move(headings)},
          {"text", page.text},
          {"links", std::move(links)}};
}

bool is_website_source(std::string_view source) {
  constexpr std::array<std::string_view, 8> kMembers{"url",      "title",    "description", "site_name",
                                                     "language", "headings", "text",        "links"};
  if (source == kWebsiteSource) return true;
  if (!source.starts_with(kWebsiteSource) || source.substr(kWebsiteSource.size(), 1) != ".") return false;
  return std::ranges::find(kMembers, source.substr(kWebsiteSource.size() + 1)) != kMembers.end();
}

Websites::Websites(WebsiteOptions options) : options_(std::move(options)), client_(website_client(options_)) {}
Websites::~Websites() = default;

base::Task<> Websites::fill(const Topic& topic, const base::json::object& request, base::json::object& values) const {
  const auto comes_from_page = [](const Parameter& parameter) { return is_website_source(parameter.source); };
  const auto* named = request.if_contains(kWebsiteField);
  if (named == nullptr || !named->is_string() || std::ranges::none_of(topic.parameters, comes_from_page)) co_return;
  const auto page = website_values(co_await fetch_page(*client_, options_, std::string(named->get_string())));
  for (const auto& parameter : topic.parameters) {
    if (!comes_from_page(parameter)) continue;
    const auto member =
        std::string_view(parameter.source).substr(std::min(parameter.source.size(), kWebsiteSource.size() + 1));
    auto value = member.empty() ? base::json::value(page) : page.at(member);
    values.insert_or_assign(parameter.name, value.is_null() ? parameter.default_value : std::move(value));
  }
}

}  // namespace coaching
