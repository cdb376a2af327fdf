#include "base/ids.hpp"

#include <sys/random.h>

#include <cstring>

#include "base/error.hpp"

namespace base {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// 16 bytes as 26 characters, five bits each, the first carrying three.
std::string encode(std::span<const std::uint8_t, 16> bytes) {
  std::string text(26, '0');
  unsigned buffer = 0;
  int bits = 2;  // two zero bits in front make 130 = 26 * 5
  std::size_t at = 0;
  for (const auto byte : bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text[at++] = kAlphabet[(buffer >> bits) & 31];
    }
    buffer &= (1u << bits) - 1;
  }
  return text;
}

}  // namespace

std::uint64_t Random::next() {
  std::uint64_t value = 0;
  fill(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

void SystemRandom::fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0) throw Error(Code::internal_error, "the kernel's random generator failed");
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

void FakeRandom::fill(std::span<std::byte> bytes) {
  const std::scoped_lock lock(mutex_);
  while (!bytes.empty()) {
    const auto value = splitmix64(state_);
    const auto count = std::min(bytes.size(), sizeof value);
    std::memcpy(bytes.data(), &value, count);
    bytes = bytes.subspan(count);
  }
}

std::string Ids::next(std::string_view prefix) {
  std::array<std::uint8_t, 16> bytes{};
  {
    const std::scoped_lock lock(mutex_);
    const auto now = clock_.now().time_since_epoch().count();
    if (now > last_ms_) {
      last_ms_ = now;
      random_.fill(std::as_writable_bytes(std::span(tail_)));
    } else {
      // Same millisecond, or a clock set back: count on, so that the order holds.
      for (std::size_t i = tail_.size(); i-- > 0;) {
        if (++tail_[i] != 0) break;
      }
    }
    for (int i = 0; i < 6; ++i)
      bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(last_ms_ >> (40 - 8 * i));
    std::copy(tail_.begin(), tail_.end(), bytes.begin() + 6);
  }
  std::string id(prefix);
  id += '_';
  id += encode(bytes);
  return id;
}

bool is_id(std::string_view text, std::string_view prefix) {
  if (text.size() != prefix.size() + 27 || !text.starts_with(prefix) || text[prefix.size()] != '_') return false;
  return text.find_first_not_of(kAlphabet, prefix.size() + 1) == std::string_view::npos;
}

}  // namespace base
