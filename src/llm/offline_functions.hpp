#pragma once
// What formulas can call; docs/offline.md describes each. All are total: odd arguments give null, "" or [], never a crash.
#include <span>

#include "llm/offline_formula.hpp"

namespace llm::offline {

std::span<const Function> reading_functions();  // those that find things in texts

inline constexpr std::size_t kAnyNumber = 1000;

// An optional argument: nullptr when it was not given.
const json::value* argument(Arguments arguments, std::size_t index);
std::size_t count_argument(Arguments arguments, std::size_t index, std::size_t otherwise);

}  // namespace llm::offline
