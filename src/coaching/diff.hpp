#pragma once
// What changed between two texts, line by line, as a unified diff (POSIX diff -u).
#include <map>
#include <string>
#include <string_view>

namespace coaching {

// "" when they are the same; "absent" files are empty and named /dev/null. By Myers (An O(ND) Difference Algorithm,
// 1986) on the lines between the common beginning and end; texts that differ in more than kMostEdits lines are shown as
// replaced in whole.
std::string unified_diff(std::string_view before, std::string_view after, const std::string& before_name,
                         const std::string& after_name);

inline constexpr int kMostEdits = 2'000;

}  // namespace coaching
