#pragma once
// What people pay for, lowest first: each tier includes those before it.
#include <algorithm>
#include <string_view>

#include "llm/catalogue.hpp"

namespace coaching {

using llm::kTiers;

// An unknown tier includes nothing but the free one.
inline bool tier_includes(std::string_view tier, std::string_view needed) {
  const auto rank = [](std::string_view name, std::ptrdiff_t unknown) {
    const auto found = std::ranges::find(kTiers, name);
    return found == kTiers.end() ? unknown : found - kTiers.begin();
  };
  return rank(tier, 0) >= rank(needed, std::ssize(kTiers));
}

}  // namespace coaching
