// From the first person to the second.
#include <unordered_map>
#include <unordered_set>

#include "llm/offline_text.hpp"

namespace llm::offline {
namespace {

const std::unordered_map<std::string_view, std::string_view>& second_person() {
  static const std::unordered_map<std::string_view, std::string_view> kMap{
      {"i", "you"},        {"i'm", "you're"},   {"i've", "you've"},          {"i'd", "you'd"},       {"i'll", "you'll"},
      {"me", "you"},       {"my", "your"},      {"mine", "yours"},           {"myself", "yourself"}, {"we", "you"},
      {"we're", "you're"}, {"we've", "you've"}, {"we'd", "you'd"},           {"we'll", "you'll"},    {"us", "you"},
      {"our", "your"},     {"ours", "yours"},   {"ourselves", "yourselves"}, {"am", "are"}};
  return kMap;
}

// Follows the subject through a sentence, so that "I was" becomes "you were" but "the shop was" stays.
class PersonTurner {
 public:
  std::string_view turn(std::string_view lower) {
    const auto found = second_person().find(lower);
    std::string_view turned = found == second_person().end() ? std::string_view() : found->second;
    // "I want us to stop": the others too, or it would read "you want you to stop".
    if (lower == "us" && subject_i_ && wishes(previous_)) turned = "all of you";
    if (lower == "was" && subject_is_i()) turned = "were";
    if (lower == "wasn't" && subject_is_i()) turned = "weren't";
    follow(lower);
    return turned;
  }
  void clause_ends() { last_was_joint_ = true; }
  // "was I" and "am I" turn round; called with the word after.
  static bool asks(std::string_view lower, std::string_view next) { return lower == "was" && next == "i"; }

 private:
  bool subject_is_i() const { return subject_i_ && (adjacent_ || last_was_joint_); }

  void follow(std::string_view lower) {
    static const std::unordered_set<std::string_view> kAdverbs{"never", "always", "also", "still", "just", "really",
                                                               "often", "even",   "then", "too",   "only", "myself"};
    static const std::unordered_set<std::string_view> kSubjects{"he",  "she",  "it",    "they", "you",   "we",
                                                                "who", "that", "there", "this", "which", "what"};
    if (lower == "i") {
      subject_i_ = adjacent_ = true;
    } else if (kSubjects.contains(lower)) {
      subject_i_ = adjacent_ = false;
    } else if (!kAdverbs.contains(lower)) {
      adjacent_ = false;
    }
    previous_ = lower;
    last_was_joint_ = lower == "and" || lower == "but" || lower == "or";
  }

  static bool wishes(std::string_view verb) {
    return verb == "want" || verb == "need" || verb == "like" || verb == "let";
  }

  std::string previous_;
  bool subject_i_ = false;       // the last subject heard is "I"
  bool adjacent_ = false;        // and nothing but adverbs came since
  bool last_was_joint_ = false;  // "I slept badly and was tired"
};

}  // namespace

std::string to_second_person(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  PersonTurner turner;
  bool in_quotes = false;
  const auto words = split_words(text);
  const char* at = text.data();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    const std::string_view between(at, static_cast<std::size_t>(word.text.data() - at));
    out += between;
    if (between.find('"') != std::string_view::npos || between.find("\u201C") != std::string_view::npos ||
        between.find("\u201D") != std::string_view::npos) {
      in_quotes = !in_quotes;
    }
    if (between.find_first_of(",;:") != std::string_view::npos) turner.clause_ends();
    at = word.text.data() + word.text.size();
    const bool asks = i + 1 < words.size() && PersonTurner::asks(word.lower, words[i + 1].lower);
    auto turned = turner.turn(word.lower);
    if (asks) turned = "were";
    if (in_quotes || turned.empty()) {
      out += word.text;
    } else {
      const bool upper = word.text[0] >= 'A' && word.text[0] <= 'Z' && (i == 0 || word.lower[0] != 'i');
      out += upper ? capitalised(turned) : std::string(turned);
    }
  }
  out += text.substr(static_cast<std::size_t>(at - text.data()));
  return out;
}

}  // namespace llm::offline
