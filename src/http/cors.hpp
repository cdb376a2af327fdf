#pragma once
// Which web pages of other origins may call the API (https://fetch.spec.whatwg.org/#http-cors-protocol).
#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "http/message.hpp"

namespace http {

struct CorsOptions {
  // "https://app.example.com", "https://*.example.com" (any subdomain, not the domain itself), or "*" alone, which
  // needs credentials = false. None: pages of other origins may not call.
  std::vector<std::string> origins;
  bool credentials = false;  // lets pages send cookies; tokens in Authorization do not need it
  base::Milliseconds max_age{600'000};  // how long a browser may remember the answer to a preflight request
};
BOOST_DESCRIBE_STRUCT(CorsOptions, (), (origins, credentials, max_age))

// Immutable; any thread.
class Cors {
 public:
  // Throws Error{validation_error} for an origin that is none, and for "*" with credentials.
  explicit Cors(CorsOptions options);

  bool allows(std::string_view origin) const;
  // The answer to a preflight request (OPTIONS with Origin and Access-Control-Request-Method), else nothing. Comes
  // before authentication: a browser sends no token with it.
  std::optional<Response> preflight(const Request& request) const;
  // Appends whole header lines for any other answer; none for an unknown origin, but Vary always when origins differ.
  void append_headers(const Request& request, std::string& head) const;

 private:
  std::string_view allow_origin(std::string_view origin) const;  // the header's value, "" for none

  CorsOptions options_;
  bool any_ = false;
};

}  // namespace http
