#include "llm/token_table.hpp"

#include <bit>
#include <cstring>

#include "base/error.hpp"

namespace llm {
namespace {

static_assert(std::endian::native == std::endian::little, "the tables are little-endian");

constexpr std::size_t kHead = 24;
constexpr std::uint32_t kRankMask = (1u << 18) - 1;

// The tables lie in the binary without alignment.
template <class Number>
Number load(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

std::uint32_t stirred(std::uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85eb'ca6b;
  h = (h ^ (h >> 13)) * 0xc2b2'ae35;
  return h ^ (h >> 16);
}

std::uint32_t place(std::uint32_t h, std::uint32_t displacement, std::uint32_t slots) {
  const auto x = (h ^ (displacement * 0x9e37'79b1)) * 0x85eb'ca6b;
  return (x ^ (x >> 15)) % slots;
}

}  // namespace

TokenTable::TokenTable(std::string_view bytes) {
  const auto number = [&](std::size_t i) { return load<std::uint32_t>(bytes.data() + 4 + i * 4); };
  if (bytes.size() < kHead || !bytes.starts_with("PPT1")) {
    throw base::Error(base::Code::internal_error, "the binary was built with an unknown table of tokens");
  }
  tokens_ = number(0);
  slots_ = number(1);
  buckets_ = number(2);
  longest_ = number(3);
  bases_ = bytes.data() + kHead;
  offsets_ = bases_ + (tokens_ / 256 + 1) * std::size_t{4};
  displacements_ = offsets_ + (tokens_ + 1) * std::size_t{2};
  slot_bytes_ = displacements_ + buckets_ * std::size_t{2};
  bytes_ = slot_bytes_ + slots_ * std::size_t{3};
  if (slots_ == 0 || buckets_ == 0 || bytes_ + number(4) != bytes.data() + bytes.size()) {
    throw base::Error(base::Code::internal_error, "the binary was built with a broken table of tokens");
  }
}

std::string_view TokenTable::token(std::uint32_t rank) const {
  const auto begin = [&](std::uint32_t r) {
    return load<std::uint32_t>(bases_ + r / 256 * std::size_t{4}) +
           std::uint32_t{load<std::uint16_t>(offsets_ + r * std::size_t{2})};
  };
  return {bytes_ + begin(rank), begin(rank + 1) - begin(rank)};
}

std::uint32_t TokenTable::rank_of(std::string_view token_bytes) const {
  if (token_bytes.empty() || token_bytes.size() > longest_) return kNone;
  std::uint32_t first = 0x811c'9dc5;
  std::uint32_t second = 0x9e37'79b9;
  for (const char c : token_bytes) {
    first = (first ^ static_cast<unsigned char>(c)) * 0x0100'0193;
    second = (second ^ static_cast<unsigned char>(c)) * 0x0100'0193;
  }
  first = stirred(first);
  const auto displacement = load<std::uint16_t>(displacements_ + first % buckets_ * std::size_t{2});
  const char* slot = slot_bytes_ + place(stirred(second), displacement, slots_) * std::size_t{3};
  const auto packed = load<std::uint16_t>(slot) | std::uint32_t{static_cast<unsigned char>(slot[2])} << 16;
  // Six bits of the hash spare nearly every comparison with the bytes of another token, which lie far away.
  if (packed >> 18 != first >> 26) return kNone;
  const auto rank = packed & kRankMask;
  return rank < tokens_ && token(rank) == token_bytes ? rank : kNone;
}

}  // namespace llm
