#pragma once
// Requests and responses free of any transport: what a handler sees.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/async.hpp"
#include "base/json.hpp"
#include "telemetry/trace.hpp"

namespace http {

using Headers = std::vector<std::pair<std::string, std::string>>;

// What those who handle a request tell its log line and metrics. The views must live as long as the process.
struct Notes {
  std::string_view route = "-";  // the pattern, never the path of an unknown route: that may hold anything
  std::string_view error;        // the code of the contract, "" for none
  std::string user_id;
  std::string tenant_id;
};

// Reused from request to request of a connection; valid until the response, streamed ones included, has ended.
struct Request {
  std::string method;   // "GET"
  std::string target;   // as received
  std::string path;     // decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  Headers headers;      // names in lower case
  std::string body;
  std::string id;       // req_…
  std::string remote;   // "127.0.0.1"
  std::vector<std::pair<std::string, std::string>> path_parameters;
  Notes notes;
  telemetry::Trace trace;  // the request's own span
  // Whether the client has closed its side since; costs a system call. Empty where there is no connection.
  std::function<bool()> client_left;

  std::string_view header(std::string_view lower_case_name) const;  // "" when absent
  std::optional<std::string_view> query_value(std::string_view name) const;
  std::string_view path_value(std::string_view name) const;  // "" when absent
};

// Fills path and query from target. Throws Error{bad_request} when it is not a well-formed target (RFC 9112, 3.2). The
// decoded path may hold any byte (%00, %FF): such an id is simply not found.
void parse_target(Request& request);
// %41 -> A; with `plus`, + -> space. Nothing when a percent sign is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus = false);
// True when it could have a body and says neither its length nor that it comes in chunks. (A body that is required
// and lacks its length is 411; without one, HTTP takes it that there is none.)
bool lacks_length(const Request& request);

// One side of a streamed answer. write() waits until the bytes are handed to the kernel, and returns false once the
// client is gone; it never throws but when the stream is cancelled. A stream that awaits anything else is cancelled
// (Asio's terminal cancellation) when the client leaves and when the server drains past its deadline.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  virtual base::Task<bool> write(std::string bytes) = 0;
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Type and Content-Length are made from the members below
  std::string content_type = "application/json";
  std::string body;
  // When set, the body is streamed by it (chunked) and `body` is not used.
  std::function<base::Task<void>(StreamWriter&)> stream;

  static Response json(int status, const base::json::value& value);
  static Response no_content();
};

// Who calls, from the token alone.
struct Caller {
  std::string user_id;
  std::string tenant_id;
  std::string email;
  std::string name;
  std::vector<std::string> roles;  // user, coach, admin, owner
  std::string tier = "free";       // free, basic, premium, ultimate
  bool has_role(std::string_view minimum) const;
};

using Handler = std::function<base::Task<Response>(const Request&, const Caller&)>;

}  // namespace http
