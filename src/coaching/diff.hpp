#pragma once
// What changed between two texts, line by line, as a unified diff (POSIX diff -u).
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace coaching {

// "" when they are the same. By Myers (An O(ND) Difference Algorithm,
// 1986) on the lines between the common beginning and end; texts that differ in more than kMostEdits lines are shown as
// replaced in whole.
std::string unified_diff(std::string_view before, std::string_view after, const std::string& before_name,
                         const std::string& after_name);

// Of files by name: those that are not the same, by name. What is on one side alone is /dev/null on the other.
struct FileDiff {
  std::string file;
  std::string diff;
};
using Files = std::map<std::string, std::string, std::less<>>;
std::vector<FileDiff> diff_files(const Files& before, const Files& after);

inline constexpr int kMostEdits = 2'000;

}  // namespace coaching
