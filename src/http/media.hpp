#pragma once
// Media types in Content-Type and Accept (RFC 9110, sections 8.3 and 12.5.1).
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http {

// application/json, without parameters or with charset=utf-8.
bool is_json(std::string_view content_type);

// Which of `offered` suits the Accept header best: the highest q, then what the header names more exactly, then the
// order of `offered`. Without a header the first. nullopt when it excludes all of them, or cannot be read.
std::optional<std::string_view> choose_media(std::string_view accept, const std::vector<std::string>& offered);

}  // namespace http
