#pragma once
// Ids: a prefix, an underscore and a ULID (https://github.com/ulid/spec): sortable by time, 80 random bits.
#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace base {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;  // any thread
  std::uint64_t next();
  double uniform();  // in [0, 1)
};

// The kernel's generator.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override;
};

// The same sequence for the same seed, for tests (splitmix64).
class FakeRandom final : public Random {
 public:
  explicit FakeRandom(std::uint64_t seed = 1) : state_(seed) {}
  void fill(std::span<std::byte> bytes) override;

 private:
  std::mutex mutex_;
  std::uint64_t state_;
};

class Ids {
 public:
  Ids(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  // "conv" -> "conv_01JD3W…": later ids of one Ids sort after earlier ones, also within a millisecond. Any thread.
  std::string next(std::string_view prefix);

 private:
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::int64_t last_ms_ = 0;
  std::array<std::uint8_t, 10> tail_{};
};

// True for prefix + '_' + 26 characters of Crockford's base 32.
bool is_id(std::string_view text, std::string_view prefix);

}  // namespace base
