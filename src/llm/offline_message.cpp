#include "llm/offline_message.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace llm::offline {
namespace {

// What people write when they mean it. Built before main() starts, then only read.
const PhraseSet kDistress{"kill myself",
                          "killing myself",
                          "suicide",
                          "suicidal",
                          "end my life",
                          "ending my life",
                          "take my life",
                          "want to die",
                          "wish i was dead",
                          "wish i were dead",
                          "wanted to be dead",
                          "don't want to live",
                          "do not want to live",
                          "no reason to live",
                          "not worth living",
                          "better off without me",
                          "better off dead",
                          "hurt myself",
                          "hurting myself",
                          "harm myself",
                          "harming myself",
                          "self-harm",
                          "cut myself",
                          "cutting myself",
                          "he beats me",
                          "she beats me",
                          "they beat me",
                          "he hits me",
                          "she hits me",
                          "raped",
                          "am being abused",
                          "was abused",
                          "kill him",
                          "kill her",
                          "kill them"};
const PhraseSet kCommands{"ignore your",
                          "ignore all",
                          "ignore the previous",
                          "ignore previous",
                          "ignore any",
                          "ignore the above",
                          "ignore everything",
                          "disregard your",
                          "disregard all",
                          "disregard previous",
                          "forget your instructions",
                          "forget all",
                          "your instructions",
                          "your prompt",
                          "system prompt",
                          "you are now a",
                          "you are now an",
                          "you are no longer",
                          "pretend you are",
                          "pretend to be",
                          "developer mode",
                          "jailbreak",
                          "new instructions",
                          "override your"};
const PhraseSet kSkips{"dunno", "pass", "skip", "idk"};
const PhraseSet kUnsure{"i don't know",      "i do not know",
                        "don't really know", "not sure",
                        "no idea",           "dunno",
                        "hard to say",       "can't think of",
                        "cannot think of",   "nothing comes to mind",
                        "no clue",           "can't say",
                        "cannot say",        "skip this",
                        "skip that",         "difficult to say",
                        "i have none"};
const PhraseSet kFarewells{"stop here",      "let's stop", "let us stop", "i have to go",     "i need to go",
                           "gotta go",       "goodbye",    "bye",         "enough for today", "continue later",
                           "take a break",   "pause here", "let's pause", "talk later",       "another time",
                           "i want to stop", "please stop"};
const PhraseSet kGoodDay{"good morning", "good evening", "good afternoon", "good day"};
const PhraseSet kMeaning{"do you mean", "does that mean",  "don't understand", "do not understand", "an example",
                         "for example", "can you explain", "rephrase",         "what do you want"};
const PhraseSet kOpinion{"do you think", "would you do",     "would you say",  "should i",
                         "should we",    "your opinion",     "your advice",    "do you recommend",
                         "tell me what", "would you choose", "what about you", "and you"};
const PhraseSet kIdentity{"are you", "who are", "your name",      "a human", "a robot",
                          "a bot",   "chatgpt", "language model", "an ai"};
const PhraseSet kPrivacy{"who reads", "who sees",       "who can see", "confidential", "private",
                         "privacy",   "is this stored", "you save",    "you store"};
const PhraseSet kProcess{"how long",     "how many",     "why do you ask", "why are you asking", "how does this work",
                         "what happens", "what is this", "what's this",    "how much longer",    "the point of"};
const PhraseSet kTakenBack{"but",        "except", "although", "not quite", "not yet",   "not sure", "not really",
                           "isn't it",   "change", "instead",  "however",   "only that", "missing",  "is not it",
                           "that's not", "wrong",  "drop",     "remove",    "replace"};

std::size_t count_words(const std::vector<Sentence>& sentences) {
  std::size_t count = 0;
  for (const auto& sentence : sentences) count += sentence.words.size();
  return count;
}

bool in_distress(const std::vector<Sentence>& sentences) { return kDistress.in(sentences); }

bool is_command(const std::vector<Sentence>& sentences) { return kCommands.in(sentences); }

bool is_foreign(std::string_view text, const std::vector<Sentence>& sentences) {
  static const std::unordered_set<std::string_view> kEnglish{
      "the",   "a",     "an",     "i",     "my",  "me",    "we",   "our", "you",  "your",   "it",   "is",
      "are",   "was",   "and",    "to",    "of",  "in",    "that", "for", "with", "not",    "on",   "at",
      "be",    "have",  "has",    "had",   "do",  "they",  "he",   "she", "but",  "so",     "what", "when",
      "who",   "this",  "from",   "by",    "as",  "would", "will", "can", "or",   "us",     "i'm",  "it's",
      "don't", "there", "people", "about", "yes", "no",    "if",   "am",  "were", "always", "never"};
  static const std::unordered_set<std::string_view> kOthers{
      "ich",  "und",      "der",      "die", "das", "nicht", "ist",  "wir", "mein", "meine", "ein",  "eine", "mit",
      "auf",  "f\u00FCr", "je",       "et",  "les", "des",   "est",  "une", "mon",  "pour",  "dans", "nous", "c'est",
      "pas",  "que",      "qui",      "le",  "la",  "el",    "los",  "las", "mi",   "yo",    "es",   "una",  "con",
      "para", "por",      "porque",   "il",  "che", "di",    "non",  "per", "sono", "e",     "o",    "eu",   "n\u00E3o",
      "uma",  "het",      "een",      "ik",  "van", "en",    "niet", "de",  "jag",  "och",   "att",  "det",  "som",
      "nie",  "jest",     "si\u0119", "na",  "bir", "ve",    "ben",  "wat", "du",   "sie"};
  const auto letters = count_letters(text);
  if (letters.other * 5 > (letters.latin + letters.other) * 2) return true;
  std::size_t english = 0, others = 0, total = 0;
  for (const auto& sentence : sentences) {
    for (const auto& word : sentence.words) {
      ++total;
      english += kEnglish.contains(word.lower) ? 1 : 0;
      others += kOthers.contains(word.lower) ? 1 : 0;
    }
  }
  return total >= 3 && others * 5 >= total && others > english * 2;
}

bool is_question(const std::vector<Sentence>& sentences) {
  static const std::unordered_set<std::string_view> kAsking{
      "what", "what's", "who",  "how",   "why",    "when", "where", "which", "can", "could", "do",  "does", "did",
      "are",  "is",     "will", "would", "should", "am",   "have",  "has",   "and", "so",    "but", "may"};
  if (sentences.empty() || sentences.back().text.back() != '?') return false;
  // "Courage, maybe?" is an answer that doubts itself.
  const auto& words = sentences.back().words;
  if (!kAsking.contains(words.front().lower) && !contains_word(words, "you")) return false;
  // A story that ends in "do you know what I mean?" is an answer all the same.
  std::size_t told = 0;
  for (const auto& sentence : sentences) told += sentence.text.back() == '?' ? 0 : sentence.words.size();
  return told < 8;
}

bool is_unsure(const std::vector<Sentence>& sentences) {
  const auto words = count_words(sentences);
  const bool only = words == 1 && kSkips.in(sentences);
  return only || (words <= 14 && kUnsure.in(sentences));
}

bool is_farewell(const std::vector<Sentence>& sentences) {
  return count_words(sentences) <= 12 && kFarewells.in(sentences);
}

bool is_greeting(const std::vector<Sentence>& sentences) {
  if (sentences.empty() || count_words(sentences) > 4) return false;
  static const std::unordered_set<std::string_view> kHellos{"hi", "hello", "hey", "good", "hiya", "greetings", "hallo"};
  return kHellos.contains(sentences.front().words.front().lower) &&
         (sentences.front().words.front().lower != "good" || kGoodDay.in(sentences));
}

}  // namespace

Kind kind_of(std::string_view text, const std::vector<Sentence>& sentences) {
  const auto letters = count_letters(text);
  const auto words = count_words(sentences);
  if (in_distress(sentences)) return Kind::distress;
  const bool digits = std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (letters.latin + letters.other == 0) return digits ? Kind::brief : Kind::unreadable;
  if (is_command(sentences)) return Kind::command;
  if (is_foreign(text, sentences)) return Kind::foreign;
  if (is_greeting(sentences)) return Kind::greeting;
  if (is_farewell(sentences)) return Kind::farewell;
  if (is_unsure(sentences)) return Kind::unsure;
  if (is_question(sentences)) return Kind::question;
  return words <= 3 ? Kind::brief : Kind::answer;
}

Asked asked_about(const std::vector<Sentence>& sentences) {
  if (kMeaning.in(sentences)) {
    return Asked::meaning;
  }
  if (kOpinion.in(sentences)) {
    return Asked::opinion;
  }
  if (kIdentity.in(sentences)) {
    return Asked::identity;
  }
  if (kPrivacy.in(sentences)) {
    return Asked::privacy;
  }
  if (kProcess.in(sentences)) {
    return Asked::process;
  }
  return Asked::other;
}

bool only_agrees(const Sentence& sentence) {
  static const std::unordered_set<std::string_view> kPlain{
      "yes",        "yep",  "yeah",   "yup",   "sure",    "exactly", "correct", "right",  "agreed", "absolutely",
      "definitely", "that", "that's", "is",    "it",      "it's",    "this",    "these",  "they",   "are",
      "them",       "the",  "our",    "my",    "core",    "values",  "purpose", "vision", "goal",   "goals",
      "indeed",     "of",   "course", "i",     "confirm", "say",     "to",      "list",   "clear",  "a",
      "no",         "not",  "quite",  "stand", "behind",  "perfect", "fine",    "ok",     "okay",   "ones",
      "would",      "sign", "one",    "true",  "good",    "so",      "and",     "very",   "much",   "thank",
      "thanks",     "you",  "please", "all",   "do"};
  return std::all_of(sentence.words.begin(), sentence.words.end(),
                     [](const Word& word) { return kPlain.contains(word.lower); });
}

bool is_clear_yes(const std::vector<Sentence>& sentences) {
  if (sentences.empty()) return false;
  static const std::unordered_set<std::string_view> kYes{"yes",        "yep",        "yeah",      "yup",
                                                         "exactly",    "correct",    "right",     "agreed",
                                                         "absolutely", "definitely", "confirmed", "indeed"};
  const auto& first = sentences.front();
  const bool begins = kYes.contains(first.words.front().lower) || has_phrase(first.words, "that is it") ||
                      has_phrase(first.words, "that's it") || has_phrase(first.words, "i confirm") ||
                      has_phrase(first.words, "of course") || has_phrase(first.words, "these are our") ||
                      has_phrase(first.words, "these are my") || has_phrase(first.words, "i say yes");
  const bool taken_back = kTakenBack.in(sentences);
  return begins && !taken_back && sentences.back().text.back() != '?';
}

}  // namespace llm::offline
