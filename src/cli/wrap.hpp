#pragma once
// Word wrap for text that arrives in pieces.
#include <cstddef>
#include <string>
#include <string_view>

namespace cli {

// Breaks lines at spaces so that none is longer than `width` columns, each after the first indented by `indent`. A
// piece may end anywhere, inside a word or a UTF-8 sequence: what cannot be placed yet waits for the next one.
class WordWrap {
 public:
  explicit WordWrap(std::size_t width, std::size_t indent = 0);

  std::string feed(std::string_view piece);  // what can be printed now
  std::string finish();                      // the rest; the wrap is then as new

 private:
  void place_word(std::string& out);
  void new_line(std::string& out);

  std::size_t width_;
  std::size_t indent_;
  std::size_t column_;
  std::size_t spaces_ = 0;  // seen before the word and not printed yet
  std::string word_;
};

// A whole text at once, without an end of line after it.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent = 0);

// The columns a terminal needs for UTF-8 text: two for East Asian wide characters and emoji, none for combining marks.
std::size_t columns(std::string_view text);

}  // namespace cli
