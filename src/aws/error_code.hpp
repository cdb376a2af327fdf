#pragma once
// The short code in which an Amazon service says what went wrong. Its messages may quote what was sent and go nowhere.
#include <string>
#include <string_view>

#include "net/headers.hpp"

namespace aws {

// The text when it is a short word of letters, digits and "_-.", else "".
std::string word_only(std::string_view text);

// "ThrottlingException", of "x-amzn-errortype: ThrottlingException:http://…", or of {"__type": "ns#ThrottlingException"}
// or {"code": …} in a JSON body; "" when nothing says it.
std::string error_code(const net::Headers& headers, std::string_view body);

}  // namespace aws
