#pragma once
// Bytes of a connection into Requests. request_parser.cpp alone knows Beast's parser.
#include <cstddef>
#include <memory>
#include <string_view>

#include "http/message.hpp"

namespace http {

// One a connection. Throws Error{bad_request, payload_too_large}; the connection is then of no more use.
class RequestParser {
 public:
  RequestParser(std::size_t max_header_bytes, std::size_t max_body_bytes);
  ~RequestParser();

  // Makes ready for the next message, which goes into `request` (its strings are reused).
  void begin(Request& request);
  // Takes what it can from `bytes`, at most to the end of the header or of the message, and returns how much. The rest
  // must be presented again, longer.
  std::size_t take(std::string_view bytes);

  bool started() const;  // the message has begun
  bool header_done() const;
  bool done() const;
  bool keep_alive() const;  // once header_done()
  bool is_http_1_0() const;  // once header_done()
  bool expects_continue() const;  // Expect: 100-continue of a client that waits before it sends the body

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace http
