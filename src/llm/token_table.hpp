#pragma once
// The tokens of one encoding and their ranks, as token-ranks/build.mjs lays them out. A view: nothing is copied.
#include <cstdint>
#include <string_view>

namespace llm {

// Little-endian. Head: "PPT1", then u32 tokens, slots, buckets, longest (bytes of a token), bytes (of all tokens). Then
//   u32 base[tokens / 256 + 1], u16 offset[tokens + 1]: token r begins at base[r / 256] + offset[r] of the bytes
//   u16 displacement[buckets], 3 bytes slot[slots]: a perfect hash; a slot is rank (18 bits) and 6 bits of the hash
//   the tokens' bytes, by rank
class TokenTable {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  // `bytes` outlives the table. Throws Error{internal_error} when it is no such table.
  explicit TokenTable(std::string_view bytes);

  std::uint32_t rank_of(std::string_view token) const;  // kNone when there is no such token
  std::uint32_t size() const { return tokens_; }
  std::uint32_t longest() const { return longest_; }
  std::string_view token(std::uint32_t rank) const;  // rank < size()

 private:
  std::uint32_t tokens_ = 0, slots_ = 0, buckets_ = 0, longest_ = 0;
  const char* bases_ = nullptr;
  const char* offsets_ = nullptr;
  const char* displacements_ = nullptr;
  const char* slot_bytes_ = nullptr;
  const char* bytes_ = nullptr;
};

}  // namespace llm
