#include "aws/error_code.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace aws {
namespace {

namespace json = boost::json;

// "com.amazonaws.dynamodb#Name:http://…" -> "Name"
std::string bare_name(std::string_view type) {
  const auto hash = type.find('#');
  if (hash != type.npos) type.remove_prefix(hash + 1);
  return word_only(type.substr(0, type.find_first_of(":,")));
}

}  // namespace

std::string word_only(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  return text.size() <= kLongest && std::ranges::all_of(text, allowed) ? std::string(text) : std::string();
}

std::string error_code(const net::Headers& headers, std::string_view body) {
  if (auto code = bare_name(headers.find("x-amzn-errortype")); !code.empty()) return code;
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed);
  if (failed || !value.is_object()) return {};
  for (const char* name : {"__type", "code", "Code"}) {
    const auto* member = value.get_object().if_contains(name);
    if (member == nullptr || !member->is_string()) continue;
    if (auto code = bare_name(member->get_string()); !code.empty()) return code;
  }
  return {};
}

}  // namespace aws
