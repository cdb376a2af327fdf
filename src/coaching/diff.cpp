#include "coaching/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace coaching {
namespace {

using Lines = std::vector<std::string_view>;
constexpr std::size_t kContext = 3;

struct Edit {
  char mark;  // ' ' both, '-' before alone, '+' after alone
  std::string_view line;
};

// With their line ends, so that a missing one at the end of a text is a difference too.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto size = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

void append(std::vector<Edit>& edits, char mark, const Lines& lines, std::size_t begin, std::size_t end) {
  for (auto i = begin; i < end; ++i) edits.push_back({mark, lines[i]});
}

// The furthest x on each diagonal k = x - y, for each number of edits; nothing when more than kMostEdits are needed.
std::vector<std::vector<int>> furthest(const Lines& a, const Lines& b) {
  const int n = static_cast<int>(a.size());
  const int m = static_cast<int>(b.size());
  const int most = std::min(n + m, kMostEdits);
  const auto at = [](int k, int edits) { return static_cast<std::size_t>(k + edits + 1); };
  std::vector<std::vector<int>> steps;
  for (int edits = 0; edits <= most; ++edits) {
    std::vector<int> now(static_cast<std::size_t>(2 * edits + 3), -1);
    for (int k = -edits; k <= edits; k += 2) {
      int x = 0;
      if (edits > 0) {
        const auto& before = steps.back();
        const int down = k + 1 <= edits - 1 ? before[at(k + 1, edits - 1)] : -1;
        const int right = k - 1 >= -(edits - 1) ? before[at(k - 1, edits - 1)] + 1 : -1;
        x = std::max(down, right);
      }
      while (x < n && x - k < m && x - k >= 0 && a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(x - k)])
        ++x;
      now[at(k, edits)] = x;
      if (x >= n && x - k >= m) {
        steps.push_back(std::move(now));
        return steps;
      }
    }
    steps.push_back(std::move(now));
  }
  return {};
}

// Walks back from the end along the furthest points.
std::vector<Edit> shortest(const Lines& a, const Lines& b) {
  std::vector<Edit> edits;
  const auto steps = furthest(a, b);
  if (steps.empty()) {
    append(edits, '-', a, 0, a.size());
    append(edits, '+', b, 0, b.size());
    return edits;
  }
  const auto at = [](int k, int count) { return static_cast<std::size_t>(k + count + 1); };
  int x = static_cast<int>(a.size());
  int y = static_cast<int>(b.size());
  for (int count = static_cast<int>(steps.size()) - 1; count > 0; --count) {
    const auto& before = steps[static_cast<std::size_t>(count - 1)];
    const int k = x - y;
    const int down = k + 1 <= count - 1 ? before[at(k + 1, count - 1)] : -1;
    const int right = k - 1 >= -(count - 1) ? before[at(k - 1, count - 1)] + 1 : -1;
    const bool inserted = down >= right;
    const int from_x = inserted ? down : right - 1;
    const int from_y = inserted ? from_x - (k + 1) : from_x - (k - 1);
    while (x > from_x + (inserted ? 0 : 1) && y > from_y + (inserted ? 1 : 0)) {
      edits.push_back({' ', a[static_cast<std::size_t>(--x)]});
      --y;
    }
    if (inserted) {
      edits.push_back({'+', b[static_cast<std::size_t>(--y)]});
    } else {
      edits.push_back({'-', a[static_cast<std::size_t>(--x)]});
    }
  }
  while (x > 0) edits.push_back({' ', a[static_cast<std::size_t>(--x)]});
  std::ranges::reverse(edits);
  return edits;
}

std::vector<Edit> edits_between(const Lines& before, const Lines& after) {
  std::size_t head = 0;
  while (head < before.size() && head < after.size() && before[head] == after[head]) ++head;
  std::size_t tail = 0;
  while (tail < before.size() - head && tail < after.size() - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) {
    ++tail;
  }
  std::vector<Edit> edits;
  append(edits, ' ', before, 0, head);
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<std::ptrdiff_t>(head), lines.end() - static_cast<std::ptrdiff_t>(tail));
  };
  const auto between = shortest(middle(before), middle(after));
  edits.insert(edits.end(), between.begin(), between.end());
  append(edits, ' ', before, before.size() - tail, before.size());
  return edits;
}

std::string range(std::size_t begin, std::size_t count) {
  // An empty range is named by the line before it.
  return count == 1 ? fmt::format("{}", begin + 1) : fmt::format("{},{}", count == 0 ? begin : begin + 1, count);
}

// Edits from `begin` to `end` as one hunk; before and after count the lines that stand before it.
void write_hunk(std::string& out, const std::vector<Edit>& edits, std::size_t begin, std::size_t end,
                std::size_t before, std::size_t after) {
  std::size_t removed = 0;
  std::size_t added = 0;
  for (auto i = begin; i < end; ++i) {
    removed += edits[i].mark != '+' ? 1 : 0;
    added += edits[i].mark != '-' ? 1 : 0;
  }
  out += fmt::format("@@ -{} +{} @@\n", range(before, removed), range(after, added));
  for (auto i = begin; i < end; ++i) {
    out += edits[i].mark;
    out += edits[i].line;
    if (!edits[i].line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
  }
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, const std::string& before_name,
                         const std::string& after_name) {
  if (before == after) return "";
  const auto edits = edits_between(lines_of(before), lines_of(after));
  auto out = fmt::format("--- {}\n+++ {}\n", before_name, after_name);
  std::size_t old_line = 0;
  std::size_t new_line = 0;
  const auto pass = [&](std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i) {
      old_line += edits[i].mark != '+' ? 1 : 0;
      new_line += edits[i].mark != '-' ? 1 : 0;
    }
  };
  std::size_t place = 0;
  for (std::size_t i = 0; i < edits.size();) {
    if (edits[i].mark == ' ') {
      ++i;
      continue;
    }
    const auto begin = i - std::min(i - place, kContext);
    auto end = i;
    // Goes on while the next change is near enough to share its context.
    for (auto next = i; next < edits.size() && next <= end + 2 * kContext; ++next) {
      if (edits[next].mark != ' ') end = next;
    }
    end = std::min(edits.size(), end + 1 + kContext);
    pass(place, begin);
    write_hunk(out, edits, begin, end, old_line, new_line);
    pass(begin, end);
    place = i = end;
  }
  return out;
}

std::vector<FileDiff> diff_files(const Files& before, const Files& after) {
  auto names = before;
  names.insert(after.begin(), after.end());
  std::vector<FileDiff> changed;
  for (const auto& [name, any] : names) {
    const auto old_file = before.find(name);
    const auto new_file = after.find(name);
    const bool had = old_file != before.end();
    const bool has = new_file != after.end();
    auto diff = unified_diff(had ? old_file->second : "", has ? new_file->second : "", had ? "a/" + name : "/dev/null",
                             has ? "b/" + name : "/dev/null");
    if (!diff.empty()) changed.push_back({name, std::move(diff)});
  }
  return changed;
}

}  // namespace coaching
