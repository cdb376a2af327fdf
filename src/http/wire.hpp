#pragma once
// The head of a response, as bytes.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/cors.hpp"
#include "http/message.hpp"

namespace http {

enum class Framing { length, chunked, until_close, none };

struct Head {
  const Request& request;
  const Response& response;
  const Cors& cors;
  std::string_view date;  // IMF-fixdate
  Framing framing = Framing::length;
  bool keep_alive = true;
  bool http_1_0 = false;  // such a client must be told that the connection stays open
};

// Appends status line, headers (security headers, CORS and X-Request-Id with them) and the empty line. A header of
// the response whose value holds a line break is left out: it could end the head.
void append_head(std::string& out, const Head& head);

std::string_view reason_phrase(int status);
std::string format_http_date(std::int64_t unix_seconds);  // Sun, 06 Nov 1994 08:49:37 GMT
// ^[A-Za-z0-9_.:-]{1,128}$: what may be taken from a client and written to the log.
bool is_request_id(std::string_view text);

}  // namespace http
