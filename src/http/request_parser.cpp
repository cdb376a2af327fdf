#include "http/request_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"

namespace http {
namespace {

namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxFields = 100;
constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kReserveAtMost = 64u << 10;  // a length that is announced is not yet a body

[[noreturn]] void bad(std::string message) { throw base::Error(base::Code::bad_request, std::move(message)); }

[[noreturn]] void too_large(std::size_t limit) {
  throw base::Error(base::Code::payload_too_large,
                    fmt::format("the body is larger than this server takes ({} bytes); send less", limit),
                    boost::json::object{{"max_bytes", limit}});
}

// Writes straight into a Request whose strings are kept from message to message.
class Parser final : public beast::http::basic_parser<true> {
 public:
  Parser(Request& request, std::size_t max_header_bytes, std::size_t max_body_bytes)
      : request_(request), max_body_bytes_(max_body_bytes) {
    header_limit(static_cast<std::uint32_t>(max_header_bytes));
    body_limit(boost::none);  // on_header_impl() sets it: Beast would refuse before the header is complete
    request_.body.clear();
    request_.path_parameters.clear();
    request_.notes.route = "-";
    request_.notes.error = {};
    request_.notes.user_id.clear();
    request_.notes.tenant_id.clear();
  }

  bool http_1_0 = false;
  bool expects_continue = false;

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       ErrorCode&) override {
    if (method.size() > kMaxMethodBytes) bad("the request method is not one of HTTP's");
    request_.method.assign(method);
    request_.target.assign(target);
    http_1_0 = version == 10;
  }

  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, ErrorCode&) override {
    if (trailers_) return;  // nothing here may come after the body
    if (fields_ == kMaxFields) bad(fmt::format("the request has more than {} header fields", kMaxFields));
    if (fields_ == request_.headers.size()) request_.headers.emplace_back();
    auto& [own_name, own_value] = request_.headers[fields_++];
    own_name.assign(name);
    for (char& c : own_name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    own_value.assign(value);
  }

  void on_header_impl(ErrorCode&) override {
    trailers_ = true;
    request_.headers.resize(fields_);
    check_host();
    const auto encoding = request_.header("transfer-encoding");
    // RFC 9112, 6.1: a coding that is not understood leaves the end of the message unknown.
    if (!encoding.empty() && (!chunked() || base::to_lower(encoding) != "chunked" || http_1_0)) {
      bad("the only transfer encoding understood is chunked, in HTTP/1.1");
    }
    if (content_length() && *content_length() > max_body_bytes_) too_large(max_body_bytes_);
    body_limit(max_body_bytes_);
    expects_continue = !http_1_0 && base::to_lower(request_.header("expect")) == "100-continue";
  }

  void check_host() const {
    const auto hosts = std::count_if(request_.headers.begin(), request_.headers.end(),
                                     [](const auto& header) { return header.first == "host"; });
    if (hosts > 1 || (hosts == 0 && !http_1_0)) bad("a request must have exactly one Host header");
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) override {
    if (length) request_.body.reserve(std::min<std::size_t>(*length, kReserveAtMost));
  }
  std::size_t on_body_impl(beast::string_view bytes, ErrorCode&) override {
    request_.body.append(bytes);
    return bytes.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, ErrorCode& error) override {
    return on_body_impl(bytes, error);
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override {}
  void on_response_impl(int, beast::string_view, int, ErrorCode&) override {}
  void on_finish_impl(ErrorCode&) override {}

  Request& request_;
  std::size_t max_body_bytes_;
  std::size_t fields_ = 0;
  bool trailers_ = false;
};

}  // namespace

struct RequestParser::State {
  std::size_t max_header_bytes;
  std::size_t max_body_bytes;
  std::size_t header_bytes = 0;  // taken so far
  std::optional<Parser> parser;
};

RequestParser::RequestParser(std::size_t max_header_bytes, std::size_t max_body_bytes)
    : state_(std::make_unique<State>(State{max_header_bytes, max_body_bytes})) {}

RequestParser::~RequestParser() = default;

void RequestParser::begin(Request& request) {
  state_->header_bytes = 0;
  state_->parser.emplace(request, state_->max_header_bytes, state_->max_body_bytes);
}

std::size_t RequestParser::take(std::string_view bytes) {
  std::size_t taken = 0;
  auto& parser = *state_->parser;
  if (!parser.got_some()) {
    // RFC 9112, 2.2: empty lines before a request are to be ignored.
    taken = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
  }
  const bool in_header = !parser.is_header_done();
  ErrorCode failed;
  while (taken < bytes.size() && !parser.is_done() && in_header != parser.is_header_done()) {
    taken += parser.put({bytes.data() + taken, bytes.size() - taken}, failed);
    if (failed) break;
  }
  if (in_header) {
    state_->header_bytes += taken;
    const auto seen = parser.is_header_done() ? state_->header_bytes : state_->header_bytes + bytes.size() - taken;
    if (seen > state_->max_header_bytes || failed == beast::http::error::header_limit) {
      bad(fmt::format("the request header is larger than {} bytes", state_->max_header_bytes));
    }
  }
  if (failed == beast::http::error::body_limit) too_large(state_->max_body_bytes);
  if (failed && failed != beast::http::error::need_more) bad("not a well-formed HTTP request: " + failed.message());
  return taken;
}

bool RequestParser::started() const { return state_->parser->got_some(); }
bool RequestParser::header_done() const { return state_->parser->is_header_done(); }
bool RequestParser::done() const { return state_->parser->is_done(); }
bool RequestParser::keep_alive() const { return state_->parser->keep_alive(); }
bool RequestParser::is_http_1_0() const { return state_->parser->http_1_0; }
bool RequestParser::expects_continue() const { return state_->parser->expects_continue; }

}  // namespace http
