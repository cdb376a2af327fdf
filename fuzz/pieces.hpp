#pragma once
// An input whole and in pieces: a decoder has to read the same. The pieces' sizes depend on its bytes alone, so that a find
// can be repeated.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace fuzz {

// Calls `take` with each piece; each is copied into memory of its size, so that a sanitizer sees what is read past it.
template <class Take>
void in_pieces(std::string_view bytes, Take take) {
  std::uint32_t state = static_cast<std::uint32_t>(bytes.size()) * 2654435761U + 1;
  while (!bytes.empty()) {
    state = state * 1664525U + 1013904223U + static_cast<unsigned char>(bytes.front());
    const std::string piece(bytes.substr(0, 1 + (state >> 16) % 37));
    bytes.remove_prefix(piece.size());
    take(piece);
  }
}

// What a decoder (feed, next) made of all that it was given: `note(message, text)` for each, and the error that ended them.
template <class Decoder, class Note>
class Reading {
 public:
  explicit Reading(const Note& note) : note_(note) {}

  void take(std::string_view bytes) {
    if (broken_) return;
    try {
      decoder_.feed(bytes);
      while (const auto* message = decoder_.next()) note_(*message, text_);
    } catch (const base::Error& error) {
      broken_ = true;
      text_ += error.message;
    }
  }
  bool operator==(const Reading& other) const { return text_ == other.text_ && broken_ == other.broken_; }

 private:
  const Note& note_;
  Decoder decoder_{1 << 20};
  std::string text_;
  bool broken_ = false;
};

// Ends the process when the decoder reads something else from the pieces than from the whole.
template <class Decoder, class Note>
void expect_same_in_pieces(const std::uint8_t* data, std::size_t size, const Note& note) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Reading<Decoder, Note> whole(note);
  whole.take(bytes);
  Reading<Decoder, Note> pieces(note);
  in_pieces(bytes, [&](std::string_view piece) { pieces.take(piece); });
  if (!(whole == pieces)) std::abort();
}

}  // namespace fuzz
