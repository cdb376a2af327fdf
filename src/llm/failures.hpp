#pragma once
// What a failed call to a model server means to the caller. Shared by all vendors that speak HTTP. Messages name the
// server, the status and the vendor's code; never the key, never what was said.
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/http_client.hpp"

namespace llm {

// What the vendor's error body said, cut down to what may be logged: letters, digits and "_-." of the code, else the
// status (Google's word for it) or the type; "" when there was none.
struct VendorError {
  std::string code;
  bool final = false;  // waiting does not help: the quota is used up, the request was wrong, or a filter is against it
  std::optional<base::Milliseconds> retry_after;  // where the body says it (Google's RetryInfo)
};

// The code of what a content filter has stopped, whatever the vendor calls it.
inline constexpr std::string_view kContentFilter = "content_filter";

// Of {"error": {"code", "status", "type", "details"}}, {"error": "text"}, {"code", "type"}, a list with one of them, or
// anything else.
VendorError read_vendor_error(const boost::json::value& body);
VendorError read_vendor_error(std::string_view body);

// llm_timeout or llm_unavailable for what the HTTP client threw.
base::Error from_network(const base::Error& error, std::string_view server);

// For an answer with a status other than 2xx: 408, 409, 429 and 5xx are llm_unavailable with the wait the server asked
// for (of a 429 that names none, until its limit's reset), all others llm_error. A header x-should-retry decides before
// the status.
base::Error from_status(int status, const net::Headers& headers, std::string_view body, std::string_view server,
                        base::Time now);

// For an error reported in the middle of a stream, where no status can tell.
base::Error from_stream_error(const VendorError& error, std::string_view server);

// For an answer that came and is nonsense.
base::Error nonsense(std::string_view server, std::string_view what);

}  // namespace llm
