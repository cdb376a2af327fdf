// How fast texts are counted, and what the first count costs, as rows for the table in README.md: tokens_bench [FILE,
// default the transcripts].
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>

#include "llm/provider.hpp"
#include "llm/tokens.hpp"

namespace {

using Clock = std::chrono::steady_clock;

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void measure(const char* encoding, const std::string& text) {
  const auto first = Clock::now();
  const auto tokens = llm::count_tokens(encoding, text.substr(0, 200));
  const auto first_us = seconds_since(first) * 1e6;
  std::int64_t counted = 0;
  const auto begin = Clock::now();
  while (seconds_since(begin) < 1) counted += llm::count_tokens(encoding, text);
  const auto took = seconds_since(begin);
  const auto exact = static_cast<double>(llm::count_tokens(encoding, text));
  fmt::print("| {} | {:.1f} million/s | {:.0f} µs for {} tokens | {:.2f} |\n", encoding,
             static_cast<double>(counted) / took / 1e6, first_us, tokens,
             static_cast<double>(llm::estimate_tokens(text)) / exact);
}

}  // namespace

int main(int count, char** words) {
  std::string text;
  if (count > 1) text = read(words[1]);
  for (const auto* name : {"core_values_1", "goals_1", "purpose_1", "vision_1"}) {
    if (count == 1) text += read(fmt::format("examples/transcripts/{}.txt", name));
  }
  fmt::print("| encoding | tokens counted | the first count | estimate / exact |\n|---|---|---|---|\n");
  for (const auto* encoding : {"o200k_base", "cl100k_base"}) measure(encoding, text);
}
