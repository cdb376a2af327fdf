#pragma once
// A bounded map of what was used lately, O(1) without a list: entries live in a young and an old generation. A lookup
// takes an old entry back among the young; when the young are half of the bound, the old are forgotten and the young
// become the old. Not locked: whoever shares one guards it.
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace http {

template <class Value>
class Recent {
 public:
  // Keeps at most `bound` entries, and never forgets the bound/2 used last.
  explicit Recent(std::size_t bound) : half_(bound < 2 ? 1 : bound / 2) {}

  // nullptr when unknown. Valid until the next call.
  Value* find(std::string_view key) {
    if (const auto young = young_.find(key); young != young_.end()) return &young->second;
    const auto old = old_.find(key);
    if (old == old_.end()) return nullptr;
    auto node = old_.extract(old);
    make_room();
    return &young_.insert(std::move(node)).position->second;
  }

  // Replaces what was there. Valid until the next call.
  Value& put(std::string_view key, Value value) {
    if (auto* known = find(key)) return *known = std::move(value);
    make_room();
    return young_.emplace(std::string(key), std::move(value)).first->second;
  }

  void erase(std::string_view key) {
    if (const auto young = young_.find(key); young != young_.end()) young_.erase(young);
    if (const auto old = old_.find(key); old != old_.end()) old_.erase(old);
  }

  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  void make_room() {
    if (young_.size() < half_) return;
    old_ = std::move(young_);
    young_ = Map();
  }

  std::size_t half_;
  Map young_;
  Map old_;
};

}  // namespace http
