#pragma once
// What the offline coach knows about values: for each a name and the words and turns of phrase that point to it.
#include <cstddef>
#include <string_view>
#include <vector>

#include "llm/offline_text.hpp"

namespace llm::offline {

struct ValueEntry {
  std::string_view name;
  // Separated by '|'. "word*" matches words that begin so; "*" alone stands for up to four words in between. What stands
  // before ';' are nouns that name the value itself.
  std::string_view cues;
};

const std::vector<ValueEntry>& value_lexicon();

struct CueMatch {
  const ValueEntry* entry;
  std::size_t first, last;  // indices of words, inclusive
  bool noun;  // names the value, rather than telling of it
};

// All matches in the order of the words; at most one for each entry, the longest of the earliest. Thread-safe.
std::vector<CueMatch> find_cues(const std::vector<Word>& words);

// Money, growth, success: what somebody may want for the sake of something else. The word as said, "" when none.
std::string_view means_word(const std::vector<Word>& words);

}  // namespace llm::offline
