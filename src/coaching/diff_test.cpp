#include "coaching/diff.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace coaching {
namespace {

std::string diff(std::string_view before, std::string_view after) { return unified_diff(before, after, "a", "b"); }

// Applies a unified diff as patch(1) would, exactly.
std::string patch(const std::string& before, const std::string& diff) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < before.size();) {
    const auto end = std::min(before.find('\n', at), before.size() - 1) + 1;
    lines.push_back(before.substr(at, end - at));
    at = end;
  }
  std::string after;
  std::size_t next = 0;
  for (std::size_t at = 0; at < diff.size();) {
    const auto end = diff.find('\n', at) + 1;
    auto line = diff.substr(at, end - at);
    at = end;
    if (line.starts_with("--- ") || line.starts_with("+++ ")) continue;
    if (line.starts_with("@@ -")) {
      auto begin = std::stoul(line.substr(4));
      const auto comma = line.find(',');
      const bool empty = comma < line.find('+') && line.compare(comma, 3, ",0 ") == 0;
      if (!empty) --begin;
      while (next < begin) after += lines.at(next++);
      continue;
    }
    if (diff.compare(at, 2, "\\ ") == 0) {
      at = diff.find('\n', at) + 1;
      line.pop_back();
    }
    if (line[0] != '+') EXPECT_EQ(lines.at(next++), line.substr(1));
    if (line[0] != '-') after += line.substr(1);
  }
  while (next < lines.size()) after += lines.at(next++);
  return after;
}

TEST(Diff, IsEmptyForTheSame) {
  EXPECT_EQ(diff("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(diff("", ""), "");
}

TEST(Diff, IsWhatDiffUnifiedWrites) {
  EXPECT_EQ(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
  EXPECT_EQ(diff("", "one\n"), "--- a\n+++ b\n@@ -0,0 +1 @@\n+one\n");
  EXPECT_EQ(diff("one\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-one\n");
  EXPECT_EQ(diff("one", "one\n"), "--- a\n+++ b\n@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+one\n");
}

TEST(Diff, FarChangesAreHunksOfTheirOwn) {
  std::string before;
  for (int i = 1; i <= 40; ++i) before += std::to_string(i) + "\n";
  auto after = before;
  after.replace(after.find("\n5\n"), 3, "\nfive\n");
  after.replace(after.find("\n30\n"), 4, "\nthirty\n");
  EXPECT_EQ(diff(before, after),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
            "@@ -27,7 +27,7 @@\n 27\n 28\n 29\n-30\n+thirty\n 31\n 32\n 33\n");
}

TEST(Diff, AppliedToTheOldTextItGivesTheNewOne) {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    const auto text = [&] {
      std::string made;
      for (auto lines = random() % 20; lines > 0; --lines)
        made += std::string(1, static_cast<char>('a' + random() % 4)) + "\n";
      if (!made.empty() && random() % 4 == 0) made.pop_back();
      return made;
    };
    const auto before = text();
    const auto after = text();
    ASSERT_EQ(patch(before, diff(before, after)), after) << before << "\n---\n" << after << "\n" << diff(before, after);
  }
}

TEST(Diff, OfTextsThatHaveNothingInCommonIsBounded) {
  std::string before;
  std::string after;
  for (int i = 0; i < 20'000; ++i) {
    before += "x" + std::to_string(i) + "\n";
    after += "y" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(patch(before, diff(before, after)), after);
}

}  // namespace
}  // namespace coaching
