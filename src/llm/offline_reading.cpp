#include "llm/offline_reading.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/text.hpp"
#include "llm/offline_lexicon.hpp"

namespace llm::offline {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// "- ", "* ", "• ", "1. ", "2) ", "# ": what makes a line an entry of a list.
std::string_view without_marker(std::string_view line) {
  line = base::trim(line);
  for (const std::string_view mark : {"- ", "* ", "+ ", "\u2022 ", "\u2013 ", "# ", "## ", "### ", "> "}) {
    if (line.starts_with(mark)) return base::trim(line.substr(mark.size()));
  }
  std::size_t digits = 0;
  while (digits < line.size() && digits < 3 && is_digit(line[digits])) ++digits;
  const auto rest = line.substr(digits);
  if (digits > 0 && (rest.starts_with(". ") || rest.starts_with(") "))) return base::trim(rest.substr(2));
  return line;
}

bool ends_sentence(std::string_view line) {
  return line.ends_with('.') || line.ends_with('!') || line.ends_with('?') || line.ends_with(':');
}

// One line for each paragraph or entry: a line that goes on in small letters belongs to the one before.
std::string tidy(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool blank = true;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto raw = base::trim(text.substr(begin, end - begin));
    const auto line = without_marker(raw);
    if (!line.empty()) {
      const bool goes_on = !blank && line.size() == raw.size() && is_lower(line[0]) && !ends_sentence(out);
      if (!out.empty()) out += goes_on ? ' ' : '\n';
      out += line;
    }
    blank = line.empty();
    begin = end + 1;
  }
  return out;
}

bool ends_stem(std::string& word, std::string_view suffix, std::size_t least, std::string_view instead = "") {
  if (!word.ends_with(suffix) || word.size() < suffix.size() + least) return false;
  word.resize(word.size() - suffix.size());
  word += instead;
  return true;
}

}  // namespace

std::size_t Readings::Hash::operator()(std::string_view text) const {
  constexpr std::size_t kEnds = 64;  // long texts differ there, or else in length; equality is checked in full anyway
  const std::hash<std::string_view> hash;
  if (text.size() <= 2 * kEnds) return hash(text);
  return hash(text.substr(0, kEnds)) ^ (hash(text.substr(text.size() - kEnds)) * 31) ^ text.size();
}

Reading& Readings::of(std::string_view text) {
  if (const auto found = readings_.find(text); found != readings_.end()) return *found->second;
  keys_.push_back(std::make_unique<std::string>(text));
  auto reading = std::make_unique<Reading>();
  reading->text = tidy(text);
  reading->sentences = split_sentences(reading->text);
  for (const auto& sentence : reading->sentences) reading->hits.push_back(signals_.hits(sentence.words));
  return *readings_.emplace(*keys_.back(), std::move(reading)).first->second;
}

const std::vector<std::string_view>& Readings::values(std::string_view text) {
  auto& reading = of(text);
  if (reading.has_values) return reading.values;
  reading.has_values = true;
  for (const auto& sentence : reading.sentences) {
    for (const auto& cue : find_cues(sentence.words)) reading.values.push_back(cue.entry->name);
  }
  return reading.values;
}

const std::vector<std::string>& Readings::stems(std::string_view text) {
  auto& reading = of(text);
  if (reading.has_stems) return reading.stems;
  reading.has_stems = true;
  auto& stems = reading.stems;
  for (const auto& sentence : reading.sentences) {
    for (const auto& word : sentence.words) {
      if (is_weighty(word.lower)) stems.push_back(stem_of(word.lower));
    }
  }
  std::sort(stems.begin(), stems.end());
  stems.erase(std::unique(stems.begin(), stems.end()), stems.end());
  return stems;
}

std::string stem_of(std::string_view lower) {
  std::string word(lower);
  if (const auto apostrophe = word.find('\''); apostrophe != std::string::npos) word.resize(apostrophe);
  if (word.ends_with("ss") || word.ends_with("us")) return word;
  ends_stem(word, "ies", 2, "y") || ends_stem(word, "sses", 2, "ss") || ends_stem(word, "s", 3);
  ends_stem(word, "ational", 2, "ate") || ends_stem(word, "ization", 2, "ize") || ends_stem(word, "isation", 2, "ize");
  const bool cut = ends_stem(word, "ing", 3) || ends_stem(word, "ed", 3) || ends_stem(word, "ly", 3) ||
                   ends_stem(word, "ment", 4) || ends_stem(word, "ness", 3) || ends_stem(word, "er", 4) ||
                   ends_stem(word, "able", 4) || ends_stem(word, "ity", 4) || ends_stem(word, "ion", 4) ||
                   ends_stem(word, "ful", 3) || ends_stem(word, "al", 4);
  // "plann" and "plan" are one.
  if (cut && word.size() > 3 && word.back() == word[word.size() - 2] && word.back() != 'l' && word.back() != 's') {
    word.pop_back();
  }
  ends_stem(word, "e", 3) || ends_stem(word, "y", 3, "i");
  return word;
}

bool is_weighty(std::string_view lower) {
  static const std::unordered_set<std::string_view> kEmpty{
      "the",       "and",        "for",       "are",       "was",      "were",      "been",     "being",   "have",
      "has",       "had",        "having",    "does",      "did",      "doing",     "done",     "will",    "would",
      "shall",     "should",     "can",       "could",     "may",      "might",     "must",     "not",     "but",
      "nor",       "yet",        "our",       "ours",      "you",      "your",      "yours",    "his",     "her",
      "hers",      "its",        "their",     "theirs",    "they",     "them",      "this",     "that",    "these",
      "those",     "who",        "whom",      "whose",     "which",    "what",      "when",     "where",   "why",
      "how",       "all",        "any",       "both",      "each",     "few",       "more",     "most",    "other",
      "others",    "some",       "such",      "only",      "own",      "same",      "than",     "too",     "very",
      "just",      "also",       "even",      "much",      "many",     "with",      "without",  "within",  "from",
      "into",      "onto",       "over",      "under",     "about",    "above",     "after",    "again",   "against",
      "before",    "below",      "between",   "during",    "through",  "until",     "while",    "because", "since",
      "though",    "although",   "however",   "therefore", "there",    "here",      "then",     "now",     "today",
      "every",     "everyone",   "everybody", "someone",   "somebody", "something", "anything", "nothing", "everything",
      "make",      "makes",      "made",      "get",       "gets",     "got",       "getting",  "let",     "lets",
      "use",       "used",       "uses",      "using",     "want",     "wants",     "wanted",   "like",    "one",
      "two",       "first",      "out",       "off",       "down",     "per",       "via",      "etc",     "really",
      "quite",     "rather",     "still",     "already",   "always",   "often",     "never",    "ever",    "able",
      "around",    "across",     "along",     "upon",      "onto",     "thing",     "things",   "way",     "ways",
      "lot",       "lots",       "bit",       "it's",      "we're",    "we've",     "don't",    "isn't",   "i'm",
      "i've",      "that's",     "can't",     "doesn't",   "won't",    "need",      "needs",    "she",     "him",
      "ourselves", "themselves", "itself",    "myself",    "yes",      "going",     "become",   "becomes", "keep",
      "keeps",     "take",       "takes",     "taken",     "give",     "gives",     "given",    "come",    "comes",
      "look",      "good",       "well",      "new",       "please",   "else",      "instead",  "towards", "toward",
      "whether",   "another",    "says",      "said",      "say",      "think",     "know",     "believe", "people",
      "year",      "years",      "month",     "months",    "week",     "weeks",     "day",      "days"};
  if (lower.size() < 3 || kEmpty.contains(lower)) return false;
  return !std::all_of(lower.begin(), lower.end(), is_digit);
}

std::vector<std::string_view> split_clauses(std::string_view sentence) {
  constexpr std::array<std::string_view, 14> kTurns{
      "; ",          ", but ",     " but ",     ", yet ",     ", while ",    ", whereas ",     " whereas ",
      ", although ", " although ", ", though ", ", however ", ". However, ", ", even though ", " \u2013 "};
  const auto long_enough = [](std::string_view part) { return split_words(part).size() >= 3; };
  std::vector<std::string_view> clauses;
  auto rest = base::trim(sentence);
  for (std::size_t from = 0; from < rest.size();) {
    std::size_t at = std::string_view::npos, length = 0;
    for (const auto turn : kTurns) {
      const auto found = rest.find(turn, from);
      if (found < at || (found == at && found != std::string_view::npos && turn.size() > length)) {
        at = found, length = turn.size();
      }
    }
    if (at == std::string_view::npos) break;
    if (!long_enough(rest.substr(0, at)) || !long_enough(rest.substr(at + length))) {
      from = at + length;
      continue;
    }
    clauses.push_back(base::trim(rest.substr(0, at)));
    rest = base::trim(rest.substr(at + length));
    from = 0;
  }
  if (!rest.empty()) clauses.push_back(rest);
  return clauses;
}

std::vector<std::string> keywords_in(const Reading& reading, std::size_t most) {
  struct Counted {
    std::string_view text;
    std::size_t count = 0;
    std::size_t order = 0;
  };
  std::unordered_map<std::string, Counted> counts;
  for (const auto& sentence : reading.sentences) {
    for (const auto& word : sentence.words) {
      if (word.lower.size() < 4 || !is_weighty(word.lower)) continue;
      auto& entry = counts[stem_of(word.lower)];
      if (entry.count++ == 0) entry = {word.text, 1, counts.size()};
    }
  }
  std::vector<Counted> list;
  for (const auto& [stem, counted] : counts) list.push_back(counted);
  std::sort(list.begin(), list.end(), [](const Counted& a, const Counted& b) {
    return a.count != b.count ? a.count > b.count : a.order < b.order;
  });
  std::vector<std::string> found;
  for (const auto& counted : list) {
    if (found.size() == most) break;
    found.push_back(base::to_lower(counted.text));
  }
  return found;
}

namespace {

struct Link {
  std::string_view words;
  bool cause_behind;  // "late because the printer was broken", as opposed to "the printer broke, so we are late"
};

// Where the sentence says that one thing comes of another.
struct Linked {
  std::size_t at = std::string_view::npos;
  std::size_t length = 0;
  bool cause_behind = true;
};

Linked find_link(std::string_view lower) {
  constexpr std::array<Link, 20> kLinks{{{" because of ", true},
                                         {" because ", true},
                                         {" due to ", true},
                                         {" as a result of ", true},
                                         {" caused by ", true},
                                         {" since ", true},
                                         {" owing to ", true},
                                         {" thanks to ", true},
                                         {" stems from ", true},
                                         {" comes from ", true},
                                         {" the reason is that ", true},
                                         {" the reason is ", true},
                                         {", so that ", false},
                                         {" leads to ", false},
                                         {" led to ", false},
                                         {" results in ", false},
                                         {" resulted in ", false},
                                         {", so ", false},
                                         {" which means ", false},
                                         {" therefore ", false}}};
  Linked best;
  for (const auto& link : kLinks) {
    const auto at = lower.find(link.words);
    if (at < best.at || (at == best.at && at != std::string_view::npos && link.words.size() > best.length)) {
      best = {at, link.words.size(), link.cause_behind};
    }
  }
  return best;
}

std::string part_of(std::string_view sentence, bool cause) {
  const auto core = core_of(sentence);
  const auto lower = base::to_lower(core);
  if (lower.starts_with("because ")) {
    const auto comma = core.find(", ");
    if (comma == std::string_view::npos) return cause ? std::string(core.substr(8)) : "";
    return std::string(cause ? core.substr(8, comma - 8) : core.substr(comma + 2));
  }
  const auto link = find_link(lower);
  if (link.at == std::string_view::npos) return "";
  const auto before = base::trim(core.substr(0, link.at));
  const auto behind = base::trim(core.substr(link.at + link.length));
  return std::string(cause == link.cause_behind ? behind : before);
}

}  // namespace

std::string cause_in(std::string_view sentence) { return part_of(sentence, true); }
std::string effect_in(std::string_view sentence) { return part_of(sentence, false); }

}  // namespace llm::offline
