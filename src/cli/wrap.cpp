#include "cli/wrap.hpp"

#include <algorithm>
#include <array>

namespace cli {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// The blocks that matter in practice, from Unicode's EastAsianWidth.txt and the general categories Mn and Cf.
constexpr std::array<Range, 10> kWide{{{0x1100, 0x115F},
                                       {0x2E80, 0x303E},
                                       {0x3041, 0x33FF},
                                       {0x3400, 0x9FFF},
                                       {0xA000, 0xA4CF},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFF00, 0xFF60},
                                       {0x1F300, 0x1FAFF},
                                       {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 7> kNoWidth{{{0x0300, 0x036F},
                                         {0x0591, 0x05BD},
                                         {0x064B, 0x065F},
                                         {0x200B, 0x200F},
                                         {0x20D0, 0x20FF},
                                         {0xFE00, 0xFE0F},
                                         {0x1F3FB, 0x1F3FF}}};

template <std::size_t n>
bool within(char32_t character, const std::array<Range, n>& ranges) {
  return std::ranges::any_of(ranges, [&](Range r) { return character >= r.first && character <= r.last; });
}

// Decodes the character at the front and removes it; a byte that begins none counts for itself.
char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t length = 1;
  char32_t character = lead;
  if (lead >= 0xF0) {
    length = 4, character = lead & 0x07u;
  } else if (lead >= 0xE0) {
    length = 3, character = lead & 0x0Fu;
  } else if (lead >= 0xC0) {
    length = 2, character = lead & 0x1Fu;
  }
  length = std::min(length, text.size());
  for (std::size_t i = 1; i < length; ++i) character = (character << 6) | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  text.remove_prefix(length);
  return character;
}

std::size_t width_of(char32_t character) {
  if (within(character, kNoWidth)) return 0;
  return within(character, kWide) ? 2 : 1;
}

}  // namespace

std::size_t columns(std::string_view text) {
  std::size_t total = 0;
  while (!text.empty()) total += width_of(take_character(text));
  return total;
}

WordWrap::WordWrap(std::size_t width, std::size_t indent)
    : width_(std::max<std::size_t>(width, indent + 10)), indent_(indent), column_(indent) {}

void WordWrap::new_line(std::string& out) {
  out += '\n';
  out.append(indent_, ' ');
  column_ = indent_;
  spaces_ = 0;
}

void WordWrap::place_word(std::string& out) {
  if (word_.empty()) return;
  if (column_ > indent_ && column_ + spaces_ + columns(word_) > width_) new_line(out);
  out.append(spaces_, ' ');
  column_ += spaces_;
  spaces_ = 0;
  // A word longer than a line (an address, a script without spaces) is cut at the edge.
  for (std::string_view rest = word_; !rest.empty();) {
    const auto before = rest;
    const auto width = width_of(take_character(rest));
    if (column_ + width > width_) new_line(out);
    out += before.substr(0, before.size() - rest.size());
    column_ += width;
  }
  word_.clear();
}

std::string WordWrap::feed(std::string_view piece) {
  std::string out;
  for (const char c : piece) {
    if (c == '\n') {
      place_word(out);
      // No indent before the end of line of an empty line would be seen, so none is printed.
      if (out.ends_with(std::string(indent_, ' ')) && indent_ > 0 && column_ == indent_)
        out.resize(out.size() - indent_);
      new_line(out);
    } else if (c == ' ' || c == '\t') {
      place_word(out);
      ++spaces_;
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) {
      word_ += c;  // other control characters could drive the terminal
    }
  }
  return out;
}

std::string WordWrap::finish() {
  std::string out;
  place_word(out);
  column_ = indent_;
  spaces_ = 0;
  return out;
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  WordWrap words(width, indent);
  auto out = words.feed(text);
  return out + words.finish();
}

}  // namespace cli
