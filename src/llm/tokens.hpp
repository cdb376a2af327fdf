#pragma once
// How many tokens a text is: exactly for OpenAI's encodings, estimated for the rest (estimate_tokens in provider.hpp).
#include <cstdint>
#include <string_view>
#include <vector>

#include "llm/provider.hpp"

namespace llm {

// What the catalogue may say in Model::encoding: "", "cl100k_base" and "o200k_base".
bool is_encoding(std::string_view name);

// "" is the estimate. What looks like a special token ("<|endoftext|>") is text like any other. O(n log n) for any text.
// The first call reads nothing but the head of tables that lie in the binary. Any thread. Throws Error{validation_error}
// for an encoding that is not known here.
std::int64_t count_tokens(std::string_view encoding, std::string_view text);

// Of everything in a request that a model reads, with what separates its messages. "" is the estimate.
std::int64_t count_prompt(std::string_view encoding, const Request& request);

// The tokens themselves, by rank; `encoding` is not "".
std::vector<std::uint32_t> encode_tokens(std::string_view encoding, std::string_view text);

}  // namespace llm
