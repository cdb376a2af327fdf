#include "llm/token_pieces.hpp"

#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"

namespace llm {
namespace {

constexpr std::size_t kBlock = 128;
constexpr std::size_t kIndexBytes = 0x11'0000 / kBlock * 2;

char32_t decode(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  switch (sequence.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
    case 3: return (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
    default: return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 | (byte(3) & 0x3fu);
  }
}

// A place in the text, and the character there.
struct Cursor {
  const CharClasses& classes;
  std::string_view text;
  std::size_t at = 0;
  std::size_t width = 0;  // of the character; 0 at the end
  char32_t code = 0;
  CharClass kind = CharClass::other;

  Cursor(const CharClasses& table, std::string_view whole) : classes(table), text(whole) { read(); }

  bool end() const { return width == 0; }
  bool is(CharClass wanted) const { return !end() && kind == wanted; }
  bool is_line_break() const { return !end() && (code == '\r' || code == '\n'); }
  bool is_letter() const { return is(CharClass::upper) || is(CharClass::lower) || is(CharClass::letter); }
  // [^\s\p{L}\p{N}]
  bool is_sign() const { return is(CharClass::other) || is(CharClass::mark); }
  // [^\r\n\p{L}\p{N}]: what may stand before a word
  bool may_lead() const { return !end() && !is_line_break() && !is_letter() && !is(CharClass::number); }
  void next() {
    at += width;
    read();
  }

 private:
  void read() {
    if (at >= text.size()) {
      width = 0;
      return;
    }
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) {
      width = 1;
      code = first;
      kind = classes.of(code);
      return;
    }
    width = base::utf8_sequence_length(text.substr(at));
    if (width == 0) {  // no UTF-8
      width = 1;
      code = 0xfffd;
      kind = CharClass::other;
      return;
    }
    code = decode(text.substr(at, width));
    kind = classes.of(code);
  }
};

// (?i:'s|'t|'re|'ve|'m|'ll|'d): its length, 0 for none. Without regard to case as Unicode folds it: the long s is an s.
std::size_t contraction(std::string_view text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  if (text.substr(1).starts_with("\u017f")) return 3;
  const auto lower = [&](std::size_t i) { return i < text.size() ? static_cast<char>(text[i] | 0x20) : '\0'; };
  switch (lower(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd': return 2;
    case 'r':
    case 'v': return lower(2) == 'e' ? 3 : 0;
    case 'l': return lower(2) == 'l' ? 3 : 0;
    default: return 0;
  }
}

// [^\r\n\p{L}\p{N}]?\p{L}+
std::size_t plain_word(Cursor cursor) {
  if (cursor.may_lead()) cursor.next();
  const auto begin = cursor.at;
  while (cursor.is_letter()) cursor.next();
  return cursor.at == begin ? 0 : cursor.at;
}

// U*L+ with U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and L = [\p{Ll}\p{Lm}\p{Lo}\p{M}], from the cursor on: where it ends, 0
// for no match. U* takes all it can; when no L follows it gives back up to the last character that both have, and that
// one alone is L+, because none of those after it is.
std::size_t cased_run(Cursor cursor) {
  std::size_t after_shared = 0;
  while (cursor.is(CharClass::upper) || cursor.is(CharClass::letter) || cursor.is(CharClass::mark)) {
    const bool shared = !cursor.is(CharClass::upper);
    cursor.next();
    if (shared) after_shared = cursor.at;
  }
  if (!cursor.is(CharClass::lower)) return after_shared;
  while (cursor.is(CharClass::lower) || cursor.is(CharClass::letter) || cursor.is(CharClass::mark)) cursor.next();
  return cursor.at;
}

// [^\r\n\p{L}\p{N}]?U*L+'s? | [^\r\n\p{L}\p{N}]?U+L*'s?
std::size_t cased_word(const Cursor& start) {
  Cursor behind = start;
  if (behind.may_lead()) behind.next();
  auto end = cased_run(behind);
  if (end == 0 && behind.at != start.at) end = cased_run(start);  // a mark may lead, or be the word itself
  if (end == 0) {
    // No L within reach: capitals only.
    while (behind.is(CharClass::upper)) {
      behind.next();
      end = behind.at;
    }
  }
  return end == 0 ? 0 : end + contraction(start.text.substr(end));
}

// \p{N}{1,3}
std::size_t number(Cursor cursor) {
  for (int digits = 0; digits < 3 && cursor.is(CharClass::number); ++digits) cursor.next();
  return cursor.at;
}

// " ?[^\s\p{L}\p{N}]+[\r\n]*", with slashes too at the end in o200k_base
std::size_t signs(Cursor cursor, bool slashes) {
  if (!cursor.end() && cursor.code == ' ') cursor.next();
  const auto begin = cursor.at;
  while (cursor.is_sign()) cursor.next();
  if (cursor.at == begin) return 0;
  while (cursor.is_line_break() || (slashes && !cursor.end() && cursor.code == '/')) cursor.next();
  return cursor.at;
}

// \s*[\r\n]+|\s+(?!\S)|\s+: up to the last line break of the run; else all but the last character, which belongs to the
// word behind it, unless nothing follows or there is only that one.
std::size_t white_space(Cursor cursor) {
  std::size_t after_break = 0;
  std::size_t before_last = 0;
  while (cursor.is(CharClass::space)) {
    before_last = cursor.at;
    const bool line_break = cursor.is_line_break();
    cursor.next();
    if (line_break) after_break = cursor.at;
  }
  if (after_break > 0) return after_break;
  return cursor.end() || before_last == 0 ? cursor.at : before_last;
}

}  // namespace

CharClasses::CharClasses(std::string_view bytes) : bytes_(bytes) {
  if (bytes.size() <= kIndexBytes || (bytes.size() - kIndexBytes) % kBlock != 0) {
    throw base::Error(base::Code::internal_error, "the binary was built with a broken table of characters");
  }
}

CharClass CharClasses::of(char32_t code) const {
  std::uint16_t block;
  std::memcpy(&block, bytes_.data() + code / kBlock * 2, sizeof block);
  return static_cast<CharClass>(bytes_[kIndexBytes + block * kBlock + code % kBlock]);
}

std::size_t next_piece(Encoding encoding, const CharClasses& classes, std::string_view text) {
  const Cursor start(classes, text);
  const bool o200k = encoding == Encoding::o200k_base;
  std::size_t length = 0;
  if (!o200k) length = contraction(text);
  if (length == 0) length = o200k ? cased_word(start) : plain_word(start);
  if (length == 0) length = number(start);
  if (length == 0) length = signs(start, o200k);
  if (length == 0) length = white_space(start);
  return length;
}

}  // namespace llm
