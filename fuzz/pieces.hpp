#pragma once
// Splits an input into pieces whose sizes depend on its bytes alone, so that a find can be repeated.
#include <cstdint>
#include <string>
#include <string_view>

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

}  // namespace fuzz
