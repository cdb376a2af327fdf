#include "http/message.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "base/text.hpp"

namespace http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// http://host/path?query -> /path?query; a proxy may send that form.
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto path = target.find_first_of("/?", scheme.size());
    return path == std::string_view::npos ? "/" : target.substr(path);
  }
  return target;
}

[[noreturn]] void bad_target() {
  throw base::Error(base::Code::bad_request,
                    "the request target is malformed: it must be a path that starts with '/', percent-encoded UTF-8");
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; });
}

void parse_query(std::string_view text, Request& request) {
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value || !base::is_utf8(*name) || !base::is_utf8(*value)) bad_target();
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void parse_target(Request& request) {
  request.query.clear();
  if (request.method == "OPTIONS" && request.target == "*") {
    request.path = "*";
    return;
  }
  const auto target = origin_form(request.target);
  const auto path_end = std::min(target.find_first_of("?#"), target.size());
  const auto raw_path = target.substr(0, path_end);
  if (raw_path.find('%') == std::string_view::npos) {
    request.path.assign(raw_path);
  } else {
    auto decoded = percent_decode(raw_path);
    if (!decoded) bad_target();
    request.path = std::move(*decoded);
  }
  if (path_end < target.size() && target[path_end] == '?') {
    const auto query = target.substr(path_end + 1);
    parse_query(query.substr(0, query.find('#')), request);
  }
  if (request.path.empty() && path_end < target.size()) request.path = "/";
  if (!request.path.starts_with('/') || has_control_characters(raw_path) || !base::is_utf8(raw_path)) bad_target();
}

bool lacks_length(const Request& request) {
  if (request.method != "POST" && request.method != "PUT" && request.method != "PATCH") return false;
  return request.header("content-length").empty() && request.header("transfer-encoding").empty();
}

std::string_view Request::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view Request::path_value(std::string_view name) const {
  for (const auto& [key, value] : path_parameters) {
    if (key == name) return value;
  }
  return {};
}

Response Response::json(int status, const base::json::value& value) {
  Response response;
  response.status = status;
  response.body = base::write_json(value);
  return response;
}

Response Response::no_content() {
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

bool Caller::has_role(std::string_view minimum) const {
  constexpr std::array<std::string_view, 4> kOrder{"user", "coach", "admin", "owner"};
  const auto least = std::find(kOrder.begin(), kOrder.end(), minimum);
  return least != kOrder.end() && std::any_of(roles.begin(), roles.end(), [&](const std::string& role) {
           return std::find(least, kOrder.end(), role) != kOrder.end();
         });
}

}  // namespace http
