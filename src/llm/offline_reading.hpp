#pragma once
// What an analysis sees in a text: sentences, words that matter, signals, numbers, dates, who does something. English.
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "llm/offline_signals.hpp"
#include "llm/offline_text.hpp"

namespace llm::offline {

// A text with what was found in it. Views point into `text`.
struct Reading {
  std::string text;  // lines joined where a sentence goes on, marks of lists taken away
  std::vector<Sentence> sentences;
  std::vector<std::vector<SignalHit>> hits;  // by sentence
  std::vector<std::string> stems;  // of the words that matter, sorted, each once; made when first asked for
  bool has_stems = false;
  std::vector<std::string_view> values;  // names of values that it shows, by the lexicon; made when first asked for
  bool has_values = false;
};

// Reads each text once, however often a script asks. Not for two threads.
class Readings {
 public:
  explicit Readings(const Signals& signals) : signals_(signals) {}
  Reading& of(std::string_view text);  // stays valid as long as this
  const std::vector<std::string>& stems(std::string_view text);
  const std::vector<std::string_view>& values(std::string_view text);

 private:
  struct Hash {
    std::size_t operator()(std::string_view text) const;
  };
  const Signals& signals_;
  std::unordered_map<std::string_view, std::unique_ptr<Reading>, Hash> readings_;
  std::vector<std::unique_ptr<std::string>> keys_;
};

// "delivers", "delivered" and "delivering" -> "deliver". Rough, and the same for every form is all that counts.
std::string stem_of(std::string_view lower);
// Not "the", "have", "very" or another word that says nothing by itself.
bool is_weighty(std::string_view lower);

// A sentence cut where it turns: "Loyal customers, but slow delivery" -> both halves. Each has three words or more.
std::vector<std::string_view> split_clauses(std::string_view sentence);
// "20 %", "€3,000", "12 weeks", "3.5": digits with their unit, as written, each once.
std::vector<std::string> numbers_in(const Reading& reading);
// "by the end of June", "Q3 2027", "within two weeks", "2026-12-01", as written, each once.
std::vector<std::string> dates_in(const Reading& reading);
// "Anna", "the sales manager": names inside a sentence and roles, as written, each once.
std::vector<std::string> people_in(const Reading& reading);
// The words that come back most often, as first written; at most `most`.
std::vector<std::string> keywords_in(const Reading& reading, std::size_t most);
// Behind (true) or before (false) "because", "due to", "leads to", …; "" when the sentence names no cause.
std::string cause_in(std::string_view sentence);
std::string effect_in(std::string_view sentence);

}  // namespace llm::offline
