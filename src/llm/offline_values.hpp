#pragma once
// Which values somebody showed in what they told, which ones they named, and what they said about them.
#include <string>
#include <string_view>
#include <vector>

#include "llm/offline_lexicon.hpp"
#include "llm/offline_turn.hpp"

namespace llm::offline {

// Where a value showed. Views point into the messages.
struct Mention {
  const Sentence* sentence = nullptr;
  std::string_view span;  // the words that point to it: "gave the bread away"
  std::size_t turn = 0;
  bool listed = false;    // named as a value, rather than shown in a story
};

struct Value {
  std::string name;                   // in lower case; the person's own word where they had one
  const ValueEntry* entry = nullptr;  // nullptr for a word that is not in the lexicon
  bool named = false;
  std::size_t named_as = 0;  // the first named has 1
  bool removed = false;
  std::vector<Mention> mentions;
  std::vector<std::string> behaviours;
  std::string red_flag;
};

struct Values {
  std::vector<Value> found;  // in the order heard
  std::string means;         // "money", when it was named beside the values
  std::string trade_off;     // what they said when two of them conflict
  std::size_t changed_by = std::string_view::npos;  // the last turn that named or removed one

  // What the person named; while they have named none, what their stories show most. At most seven.
  std::vector<const Value*> chosen() const;
  std::vector<const Value*> shown() const;  // by stories, strongest first
  std::size_t named_count() const;
};

// `turns` must outlive the result.
Values read_values(const std::vector<Turn>& turns);

// Words that carry meaning and stand in both.
std::size_t shared_words(const std::vector<Word>& a, const std::vector<Word>& b);
// "half of it is old, and two are new; one left" -> three items, when each is long enough to stand alone.
std::vector<std::string> split_items(std::string_view text);
// "First step: I write" -> "I write"; the label is at most `max_words` long.
std::string_view after_label(std::string_view text, std::size_t max_words);

}  // namespace llm::offline
