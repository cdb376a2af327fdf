#pragma once
// Signals: named groups of words that point to something ("weakness": slow*, too expensive, …). A script names them, and
// a sentence is judged by those it shows.
#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "llm/offline_text.hpp"

namespace llm::offline {

struct SignalHit {
  std::size_t signal;
  std::size_t first, last;  // indices of words, inclusive
  double weight;
};

// Views point into the script.
class Signals {
 public:
  // `name` is "" for a row of a table. The number of the new signal.
  std::size_t add(std::string_view name, double weight);
  // "slow*" matches words that begin so; "*" alone stands for up to four words in between; "^call" matches only
  // where a sentence begins. Lower case. False when no word could ever match it: empty, a stem shorter than three
  // letters, or beginning with "*".
  bool add_cue(std::size_t signal, std::string_view cue);
  // "not reliable" counts for the opposite of the signal that has "reliable"; without one for nothing.
  void set_opposite(std::size_t signal, std::size_t opposite) { signals_[signal].opposite = opposite; }

  std::optional<std::size_t> find(std::string_view name) const;
  std::size_t size() const { return signals_.size(); }
  // In the order of the words; of one signal's matches that overlap only the longest. Any thread.
  std::vector<SignalHit> hits(const std::vector<Word>& words) const;

 private:
  struct Signal {
    std::string_view name;
    double weight = 1;
    std::optional<std::size_t> opposite;
  };
  struct Cue {
    std::size_t signal;
    std::vector<std::string_view> tokens;
    bool at_start;  // of a sentence
  };
  std::vector<Signal> signals_;
  std::unordered_map<std::string_view, std::vector<Cue>> cues_;  // by the first three letters of the first token
};

// Whether one of the three words before `at` turns it round: "not really slow", "no longer slow", "never slow".
bool is_negated(const std::vector<Word>& words, std::size_t at);

}  // namespace llm::offline
