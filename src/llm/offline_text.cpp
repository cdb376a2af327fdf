#include "llm/offline_text.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "base/text.hpp"

namespace llm::offline {
namespace {

constexpr std::string_view kCurlyApostrophe = "\u2019";

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_wide(char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; }

// Punctuation of the General Punctuation block (dashes, curly quotes, ellipsis) separates words; other wide characters
// are part of them.
bool is_wide_punctuation(std::string_view text) {
  return text.starts_with("\u2013") || text.starts_with("\u2014") || text.starts_with("\u2018") ||
         text.starts_with("\u201C") || text.starts_with("\u201D") || text.starts_with("\u2026") ||
         text.starts_with("\u201E") || text.starts_with("\u00AB") || text.starts_with("\u00BB");
}

std::size_t character_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) ++length;
  return length;
}

// Bytes of the word character at the front, 0 when there is none. Apostrophes and hyphens count inside a word only.
std::size_t word_character(std::string_view text, bool inside) {
  if (text.empty()) return 0;
  if (is_ascii_letter(text[0]) || is_digit(text[0])) return 1;
  const auto continues = [&](std::size_t at) {
    return at < text.size() && (is_ascii_letter(text[at]) || is_digit(text[at]));
  };
  if ((text[0] == '\'' || text[0] == '-') && inside && continues(1)) return 1;
  if (text.starts_with(kCurlyApostrophe)) return inside && continues(3) ? 3 : 0;
  if (!is_wide(text[0]) || is_wide_punctuation(text)) return 0;
  return character_length(text);
}

std::string lower_word(std::string_view text) {
  auto lower = base::to_lower(text);
  if (const auto at = lower.find(kCurlyApostrophe); at != std::string::npos)
    lower.replace(at, kCurlyApostrophe.size(), "'");
  return lower;
}

bool is_abbreviation(std::string_view before) {
  constexpr std::array<std::string_view, 9> kAbbreviations{"Mr", "Mrs", "Ms", "Dr", "St", "e.g", "i.e", "vs", "etc"};
  return std::any_of(kAbbreviations.begin(), kAbbreviations.end(), [&](std::string_view abbreviation) {
    if (!before.ends_with(abbreviation)) return false;
    const auto rest = before.size() - abbreviation.size();
    return rest == 0 || !is_ascii_letter(before[rest - 1]);
  });
}

// Bytes of the sentence end at `at`, 0 when none ends there.
std::size_t sentence_end(std::string_view text, std::size_t at) {
  if (text[at] == '\n') return 1;
  std::size_t length = text.substr(at).starts_with("\u2026") ? 3 : 1;
  if (length == 1 && text[at] != '.' && text[at] != '!' && text[at] != '?') return 0;
  if (text[at] == '.' && is_abbreviation(text.substr(0, at))) return 0;
  const auto more = [&] { return at + length < text.size(); };
  while (more() && (text[at + length] == '.' || text[at + length] == '!' || text[at + length] == '?')) ++length;
  if (more() && (text[at + length] == '"' || text[at + length] == ')' || text[at + length] == '\'')) ++length;
  if (text.substr(at + length).starts_with("\u201D")) length += 3;
  return !more() || text[at + length] == ' ' || text[at + length] == '\n' ? length : 0;
}

bool starts_like(std::string_view text, std::string_view lead) {
  if (text.size() <= lead.size()) return false;
  return base::to_lower(text.substr(0, lead.size())) == lead;
}

}  // namespace

std::vector<Word> split_words(std::string_view text) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size();) {
    auto length = word_character(text.substr(at), false);
    if (length == 0) {
      at += character_length(text.substr(at));  // of a dash, all bytes: the later ones would look like a letter
      continue;
    }
    const auto begin = at;
    while (length > 0) {
      at += length;
      length = word_character(text.substr(at), true);
    }
    const auto word = text.substr(begin, at - begin);
    words.push_back({lower_word(word), word});
  }
  return words;
}

std::vector<Sentence> split_sentences(std::string_view text) {
  std::vector<Sentence> sentences;
  const auto add = [&](std::string_view piece) {
    piece = base::trim(piece);
    if (piece.empty()) return;
    auto words = split_words(piece);
    if (!words.empty()) sentences.push_back({piece, std::move(words)});
  };
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto end = sentence_end(text, at);
    if (end == 0) continue;
    add(text.substr(begin, at + end - begin));
    begin = at + end;
    at = begin - 1;
  }
  add(text.substr(begin));
  return sentences;
}

std::string_view core_of(std::string_view sentence) {
  constexpr std::array<std::string_view, 26> kLeads{"yes, ",
                                                    "yes. ",
                                                    "well, ",
                                                    "so, ",
                                                    "so ",
                                                    "and ",
                                                    "but ",
                                                    "or ",
                                                    "hm, ",
                                                    "ok, ",
                                                    "okay, ",
                                                    "i think that ",
                                                    "i think, ",
                                                    "i think ",
                                                    "i would say: ",
                                                    "i would say that ",
                                                    "i would say ",
                                                    "i'd say ",
                                                    "i guess ",
                                                    "i mean, ",
                                                    "honestly, ",
                                                    "actually, ",
                                                    "maybe ",
                                                    "oh, ",
                                                    "first of all, ",
                                                    "hello, "};
  sentence = base::trim(sentence);
  for (bool again = true; again;) {
    again = false;
    for (const auto lead : kLeads) {
      if (!starts_like(sentence, lead)) continue;
      sentence.remove_prefix(lead.size());
      again = true;
    }
  }
  constexpr std::array<std::string_view, 4> kTails{", i think", " i guess", " i suppose", ", you know"};
  const auto strip_marks = [&] {
    while (!sentence.empty() && (sentence.back() == '.' || sentence.back() == '!' || sentence.back() == ' ')) {
      sentence.remove_suffix(1);
    }
  };
  strip_marks();
  for (const auto tail : kTails) {
    if (base::to_lower(sentence).ends_with(tail)) sentence.remove_suffix(tail.size());
  }
  strip_marks();
  return sentence;
}
std::string shorten(std::string_view text, std::size_t max_words) {
  const auto words = split_words(text);
  if (words.size() <= max_words) return std::string(text);
  const auto limit = static_cast<std::size_t>(words[max_words].text.data() - text.data());
  const auto head = text.substr(0, limit);
  std::size_t cut = 0;
  for (const std::string_view mark :
       {", ", "; ", ": ", " \u2013 ", " because ", " but ", " although ", " so that ", " when "}) {
    const auto found = head.rfind(mark);
    if (found != std::string_view::npos && split_words(head.substr(0, found)).size() >= 5) cut = std::max(cut, found);
  }
  // What the clause or the last word leaves behind: "three weeks,…".
  const auto shown = [](std::string_view part) {
    part = base::trim(part);
    while (part.ends_with(',') || part.ends_with(';') || part.ends_with(':') || part.ends_with("\u2013")) {
      part = base::trim(part.substr(0, part.size() - (part.ends_with("\u2013") ? 3 : 1)));
    }
    return std::string(part);
  };
  return cut > 0 ? shown(head.substr(0, cut)) : shown(head) + "\u2026";
}

std::string capitalised(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += i + 1 == items.size() ? " and " : ", ";
    out += items[i];
  }
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\u201C";
  for (std::size_t at = 0; at < text.size();) {
    const auto length = character_length(text.substr(at));
    const auto character = text.substr(at, length);
    if (character == "\u201C") {
      out += "\u2018";
    } else if (character == "\u201D") {
      out += "\u2019";
    } else {
      out += character == "\"" ? std::string_view("'") : character;
    }
    at += length;
  }
  return out + "\u201D";
}

namespace {

// Index of the word behind the phrase when it stands at `at`, else 0.
std::size_t phrase_end(const std::vector<Word>& words, std::size_t at, std::string_view phrase) {
  for (; at < words.size(); ++at) {
    const auto end = std::min(phrase.find(' '), phrase.size());
    if (words[at].lower != phrase.substr(0, end)) return 0;
    if (end == phrase.size()) return at + 1;
    phrase.remove_prefix(end + 1);
  }
  return 0;
}

}  // namespace

PhraseSet::PhraseSet(std::initializer_list<std::string_view> phrases) {
  for (const auto phrase : phrases) phrases_[phrase.substr(0, phrase.find(' '))].push_back(phrase);
}

std::optional<PhraseSet::Match> PhraseSet::find(const std::vector<Word>& words) const {
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto found = phrases_.find(words[at].lower);
    if (found == phrases_.end()) continue;
    for (const auto phrase : found->second) {
      if (const auto end = phrase_end(words, at, phrase); end > 0) return Match{phrase, end};
    }
  }
  return std::nullopt;
}

bool PhraseSet::in(const std::vector<Sentence>& sentences) const {
  return std::any_of(sentences.begin(), sentences.end(), [&](const Sentence& sentence) { return in(sentence.words); });
}

std::optional<std::size_t> match_cue(const std::vector<std::string_view>& tokens, const std::vector<Word>& words,
                                     std::size_t at) {
  constexpr std::size_t kGap = 4;
  const auto matches = [](std::string_view token, std::string_view word) {
    return token.ends_with('*') ? word.starts_with(token.substr(0, token.size() - 1)) : token == word;
  };
  bool gap = false;
  std::optional<std::size_t> last;
  for (const auto token : tokens) {
    if (token == "*") {
      gap = true;
      continue;
    }
    const auto limit = std::min(words.size(), at + (gap ? kGap + 1 : 1));
    while (at < limit && !matches(token, words[at].lower)) ++at;
    if (at >= limit) return std::nullopt;
    last = at++;
    gap = false;
  }
  return last;
}

bool has_phrase(const std::vector<Word>& words, std::string_view phrase) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (phrase_end(words, at, phrase) > 0) return true;
  }
  return false;
}

bool contains_word(const std::vector<Word>& words, std::string_view lower) {
  return std::any_of(words.begin(), words.end(), [&](const Word& word) { return word.lower == lower; });
}

bool is_content_word(std::string_view lower) {
  static const std::unordered_set<std::string_view> kFunction{
      "about",      "above",    "after",    "again",     "almost",    "already", "also",      "although", "always",
      "another",    "anybody",  "anything", "around",    "because",   "become",  "before",    "being",    "between",
      "could",      "doing",    "during",   "either",    "enough",    "every",   "everybody", "everyone", "everything",
      "first",      "going",    "happen",   "having",    "however",   "instead", "itself",    "maybe",    "might",
      "moment",     "myself",   "never",    "nobody",    "nothing",   "often",   "other",     "others",   "ourselves",
      "people",     "perhaps",  "person",   "quite",     "rather",    "really",  "right",     "seems",    "should",
      "since",      "somebody", "someone",  "something", "sometimes", "still",   "their",     "theirs",   "them",
      "themselves", "there",    "these",    "thing",     "things",    "think",   "those",     "though",   "thought",
      "through",    "today",    "together", "toward",    "towards",   "under",   "until",     "wants",    "whatever",
      "where",      "which",    "while",    "whole",     "whose",     "without", "would",     "wouldn't", "years",
      "yourself",   "makes",    "matter",   "matters",   "important", "don't",   "can't",     "that's"};
  return lower.size() >= 5 && !kFunction.contains(lower);
}

Letters count_letters(std::string_view text) {
  Letters letters;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = character_length(text.substr(at));
    if (length == 1) {
      letters.latin += is_ascii_letter(text[at]) ? 1 : 0;
    } else {
      // Two-byte characters from U+00C0 on are letters (Latin accents to Arabic). Of three-byte ones U+2000 to U+2BFF
      // are marks and symbols and U+FE00 to U+FE0F select pictures; four-byte ones are pictures, but for rare scripts.
      const auto lead = static_cast<unsigned char>(text[at]);
      const bool symbol = lead == 0xE2 || text.substr(at).starts_with("\uFE0F") || lead >= 0xF0 || lead == 0xC2;
      letters.other += symbol ? 0 : 1;
    }
    at += length;
  }
  return letters;
}

}  // namespace llm::offline
