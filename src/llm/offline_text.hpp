#pragma once
// The offline coach's English: sentences, words, and giving back what somebody said in the second person. Views point
// into the text they were made of.
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace llm::offline {

struct Word {
  std::string lower;  // ASCII lower case, with a straight apostrophe
  std::string_view text;
};

struct Sentence {
  std::string_view text;  // trimmed, with its closing mark
  std::vector<Word> words;
};

std::vector<Word> split_words(std::string_view text);
// Ends at . ! ? … or a line's end; "3.6", "e.g." and "Dr. Who" do not end one.
std::vector<Sentence> split_sentences(std::string_view text);

// "I was late because of my bike" -> "You were late because of your bike". What stands in quotation marks stays.
std::string to_second_person(std::string_view text);

// Without what only leads in ("Yes, ", "So ", "I think ") and without the closing mark.
std::string_view core_of(std::string_view sentence);
// At most so many words, cut where a clause ends, else with "…".
std::string shorten(std::string_view text, std::size_t max_words);

std::string capitalised(std::string_view text);        // ASCII first letter
std::string join(const std::vector<std::string>& items);  // "a, b and c"
std::string quoted(std::string_view text);             // in double curly marks; inner ones become single

// Phrases in lower case, looked up by their first word: finding any of hundreds costs one look-up a word.
class PhraseSet {
 public:
  PhraseSet(std::initializer_list<std::string_view> phrases);  // of string literals
  struct Match {
    std::string_view phrase;
    std::size_t after;  // index of the word behind it
  };
  std::optional<Match> find(const std::vector<Word>& words) const;  // the first in the text
  bool in(const std::vector<Word>& words) const { return find(words).has_value(); }
  bool in(const std::vector<Sentence>& sentences) const;

 private:
  std::unordered_map<std::string_view, std::vector<std::string_view>> phrases_;
};

// Index of the last word of a match of a cue that starts at `at`. Its tokens are words in lower case, in order: "hire*" is
// any word that begins so, and "*" alone is up to four words that do not matter.
std::optional<std::size_t> match_cue(const std::vector<std::string_view>& tokens, const std::vector<Word>& words,
                                     std::size_t at);

// Whether these words stand next to each other in this order ("keep going"), in lower case.
bool has_phrase(const std::vector<Word>& words, std::string_view phrase);
bool contains_word(const std::vector<Word>& words, std::string_view lower);
// Words that carry meaning: at least five letters and no function word.
bool is_content_word(std::string_view lower);
// Letters that are part of words, as opposed to digits, marks and pictures.
struct Letters {
  std::size_t latin = 0;  // ASCII letters
  std::size_t other = 0;  // all other letters, accents included
};
Letters count_letters(std::string_view text);

}  // namespace llm::offline
