#include "llm/offline_turn.hpp"

#include <unordered_set>

#include "llm/offline_lexicon.hpp"

namespace llm::offline {
namespace {

int feeling(const std::vector<Word>& words) {
  static const std::unordered_set<std::string_view> kStrong{
      "proud",     "proudest", "furious", "angry",   "anger",   "love",  "loved",  "hate",   "cried",
      "cry",       "moved",    "afraid",  "happy",   "ashamed", "never", "always", "still",  "nobody",
      "everybody", "lonely",   "miss",    "hurt",    "hope",    "worth", "laugh",  "forget", "tired",
      "drowning",  "trust",    "dream",   "matters", "lose",    "wish"};
  int found = 0;
  for (const auto& word : words) found += kStrong.contains(word.lower) ? 1 : 0;
  return found > 2 ? 2 : found;
}

int score(const Sentence& sentence, const Turn& turn) {
  const auto& words = sentence.words;
  static const std::unordered_set<std::string_view> kSelf{"i", "we", "my", "our", "me", "us", "i'm", "i'd", "i've"};
  int points = feeling(words) * 2 + static_cast<int>(find_cues(words).size()) * 2;
  bool self = false;
  for (const auto& word : words) self = self || kSelf.contains(word.lower);
  points += self ? 2 : 0;
  for (const auto* joint : {"because", "although", "but", "so", "if", "when"})
    points += contains_word(words, joint) ? 1 : 0;
  if (words.size() >= 7 && words.size() <= 26) points += 2;
  if (words.size() < 4) points -= 6;
  if (words.size() > 34) points -= 2;
  if (sentence.text.back() == '?') points -= 4;
  if (turn.sentences.size() > 1 && only_agrees(sentence)) points -= 8;
  return points;
}

}  // namespace

const Sentence* salient_sentence(const Turn& turn) {
  const Sentence* best = nullptr;
  int best_score = -4;
  for (const auto& sentence : turn.sentences) {
    const auto points = score(sentence, turn);
    if (points > best_score) {
      best = &sentence;
      best_score = points;
    }
  }
  return best;
}

}  // namespace llm::offline
