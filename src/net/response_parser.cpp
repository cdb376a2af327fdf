#include "net/response_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

namespace net {

namespace http = boost::beast::http;
using boost::system::error_code;

class ResponseParser::Parser {
 public:
  struct Message final : http::basic_parser<false> {
    Message(Headers& message_headers) : headers(message_headers) {}

    void on_request_impl(http::verb, boost::beast::string_view, boost::beast::string_view, int, error_code&) override {}
    void on_response_impl(int code, boost::beast::string_view, int, error_code&) override { status = code; }
    void on_field_impl(http::field, boost::beast::string_view name, boost::beast::string_view value,
                       error_code&) override {
      if (!in_body) headers.add(name, value);  // trailers are not kept
    }
    void on_header_impl(error_code&) override { in_body = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(boost::beast::string_view piece, error_code&) override {
      body->append(piece.data(), piece.size());
      return piece.size();
    }
    void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view piece, error_code&) override {
      body->append(piece.data(), piece.size());
      return piece.size();
    }
    void on_finish_impl(error_code&) override {}

    Headers& headers;
    std::string* body = nullptr;
    bool in_body = false;
    int status = 0;
  };

  std::optional<Message> message;
};

ResponseParser::ResponseParser() : parser_(std::make_unique<Parser>()) {}
ResponseParser::~ResponseParser() = default;

void ResponseParser::start(bool without_body, ResponseLimits limits) {
  without_body_ = without_body;
  limits_ = limits;
  has_started_ = false;
  restart();
}

void ResponseParser::restart() {
  has_header_ = false;
  is_done_ = false;
  status_ = 0;
  headers_.clear();
  auto& message = parser_->message.emplace(headers_);
  message.eager(true);
  message.skip(without_body_);
  message.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
  message.body_limit(limits_.body_bytes);
}

std::size_t ResponseParser::parse(std::string_view bytes, std::string& body, error_code& failed) {
  std::size_t used = 0;
  bool needs_more = false;
  failed = {};
  while (used < bytes.size() && !is_done_ && !needs_more) {
    has_started_ = true;
    auto& message = *parser_->message;
    message.body = &body;
    used += message.put(boost::asio::buffer(bytes.substr(used)), failed);
    needs_more = failed == http::error::need_more;
    if (needs_more) failed = {};
    if (failed) break;
    if (!message.is_header_done()) continue;
    status_ = message.status;
    if (status_ / 100 == 1 && status_ != 101) {
      restart();
      needs_more = false;
      continue;
    }
    has_header_ = true;
    is_done_ = message.is_done();
  }
  return used;
}

void ResponseParser::parse_end(error_code& failed) {
  failed = {};
  if (!parser_->message->got_some()) {
    failed = http::error::end_of_stream;
    return;
  }
  parser_->message->put_eof(failed);
  if (!failed) is_done_ = true;
}

bool ResponseParser::has_started() const { return has_started_; }
bool ResponseParser::can_be_kept() const { return is_done_ && parser_->message->keep_alive(); }

}  // namespace net
