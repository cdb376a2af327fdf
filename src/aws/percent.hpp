#pragma once
// Percent-encoding as Amazon's protocols want it (RFC 3986's unreserved characters stay, hexadecimal digits are upper
// case). A label of a path, such as the id of a model, is encoded with its ':' and '/'.
#include <string>
#include <string_view>

namespace aws {

void append_percent_encoded(std::string& out, std::string_view text, bool keep_slash = false);
std::string percent_encode(std::string_view text);
// "%41" -> "A"; what is no escape stays as it is, '+' too.
std::string percent_decode(std::string_view text);

}  // namespace aws
