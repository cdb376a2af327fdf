#pragma once
// HTTP/1.1 responses from bytes, by Beast's parser, which only this one's source includes.
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/headers.hpp"

namespace net {

struct ResponseLimits {
  std::size_t header_bytes;
  std::size_t body_bytes;
};

// Used for one response after another on one connection; keeps its memory.
class ResponseParser {
 public:
  ResponseParser();
  ~ResponseParser();

  // `without_body`: the answer to HEAD or CONNECT, which has none whatever its header says.
  void start(bool without_body, ResponseLimits limits);
  // Appends the body's bytes to `body`; returns how many of `bytes` were used up, the others must come again with more
  // behind them. Interim responses (1xx) are read and forgotten.
  std::size_t parse(std::string_view bytes, std::string& body, boost::system::error_code& failed);
  // The peer has closed its side: the end of a response without length, or an error.
  void parse_end(boost::system::error_code& failed);

  bool has_started() const;  // at least one byte of this response has come
  bool has_header() const { return has_header_; }
  bool is_done() const { return is_done_; }
  bool can_be_kept() const;  // done, and the connection may serve another request
  int status() const { return status_; }
  Headers& headers() { return headers_; }

 private:
  class Parser;
  void restart();

  bool without_body_ = false;
  ResponseLimits limits_{};
  bool has_started_ = false;
  bool has_header_ = false;
  bool is_done_ = false;
  int status_ = 0;
  Headers headers_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace net
