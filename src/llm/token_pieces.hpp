#pragma once
// Cuts a text into the pieces that an encoding's tokens never cross: by hand what OpenAI's encodings say with a regular
// expression over Unicode classes (https://github.com/openai/tiktoken, tiktoken_ext/openai_public.py).
#include <cstdint>
#include <string_view>

namespace llm {

enum class Encoding { cl100k_base, o200k_base };

// What the expressions tell apart; token-ranks/build.mjs writes these numbers.
enum class CharClass : std::uint8_t {
  other = 0,
  space = 1,  // White_Space, line breaks too
  upper = 2,  // Lu, Lt
  lower = 3,  // Ll
  letter = 4,  // Lm, Lo
  mark = 5,  // M
  number = 6,  // N
};

// The classes of all code points; a view of `bytes`, which outlive it.
class CharClasses {
 public:
  // Throws Error{internal_error} when `bytes` are no such table.
  explicit CharClasses(std::string_view bytes);
  CharClass of(char32_t code) const;

 private:
  std::string_view bytes_;
};

// Bytes of the piece at the beginning of `text`, which is not empty. A byte that is no UTF-8 counts as one character of
// class other.
std::size_t next_piece(Encoding encoding, const CharClasses& classes, std::string_view text);

}  // namespace llm
