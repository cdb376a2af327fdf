// Numbers, dates and people, as a text has them.
#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

#include "llm/offline_reading.hpp"

namespace llm::offline {
namespace {

using WordSet = std::unordered_set<std::string_view>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

void add_once(std::vector<std::string>& list, std::string_view text) {
  if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

std::string_view span(const std::vector<Word>& words, std::size_t first, std::size_t last) {
  const char* begin = words[first].text.data();
  return {begin, static_cast<std::size_t>(words[last].text.data() + words[last].text.size() - begin)};
}

bool is_number_word(std::string_view word) {
  static const WordSet kNumbers{"two",   "three",   "four",     "five",    "six",    "seven",  "eight", "nine",
                                "ten",   "eleven",  "twelve",   "fifteen", "twenty", "thirty", "forty", "fifty",
                                "sixty", "hundred", "thousand", "million", "half",   "dozen"};
  return kNumbers.contains(word);
}

// "Marta finds", "Tom will": a name at the beginning, where every word is written large.
bool is_name_at_start(const std::vector<Word>& words) {
  static const WordSet kActs{"will",     "finds",    "writes",  "calls",   "makes",  "takes",     "does",
                             "prepares", "checks",   "builds",  "designs", "talks",  "asks",      "sends",
                             "reviews",  "leads",    "runs",    "handles", "sets",   "plans",     "visits",
                             "offers",   "brings",   "puts",    "meets",   "trains", "organises", "organizes",
                             "owns",     "decides",  "buys",    "sells",   "tests",  "creates",   "draws",
                             "collects", "measures", "reports", "starts",  "keeps",  "speaks",    "presents"};
  if (words.size() < 3 || words[0].text.size() < 3 || !kActs.contains(words[1].lower)) return false;
  const auto& lower = words[0].lower;
  static const WordSet kOthers{"she",      "who",     "that", "this",       "everyone", "everybody", "nobody",
                               "somebody", "someone", "one",  "management", "what",     "how",       "there",
                               "these",    "those",   "they", "you",        "each"};
  for (const std::string_view ending : {"s", "ing", "ment", "ion", "ity", "er", "th", "y"}) {
    if (lower.ends_with(ending) && lower.size() > 5) return false;
  }
  return words[0].text[0] >= 'A' && words[0].text[0] <= 'Z' && is_lower(words[0].text[1]) && !kOthers.contains(lower);
}

bool begins_large(std::string_view text) {
  return text[0] >= 'A' && text[0] <= 'Z' && text.size() > 1 && is_lower(text[1]);
}

// The last of the words written large that begin at `at`, with nothing but a space between them.
std::size_t end_of_name(const std::vector<Word>& words, std::size_t at) {
  const auto joins = [&](std::size_t next) {
    return words[next].text.data() == words[next - 1].text.data() + words[next - 1].text.size() + 1;
  };
  while (at + 1 < words.size() && begins_large(words[at + 1].text) && joins(at + 1)) ++at;
  return at;
}

// "Tom Miller's" -> "Tom Miller"; the apostrophe may be a curly one, of three bytes.
std::string_view without_possessive(const Word& last, std::string_view name) {
  if (last.lower.ends_with("'s")) name.remove_suffix(last.text.size() - (last.lower.size() - 2));
  return name;
}

// "in Hamburg", "at Siemens", "the Alps", "Main Street", "customers from Lyon", "moves to Bern": no person's name. But
// "in Marta's shop" has one.
bool is_place(const std::vector<Word>& words, std::size_t first, std::size_t last) {
  static const WordSet kKinds{"street", "road",   "avenue",  "square",  "park",    "station",   "bridge",
                              "valley", "market", "town",    "city",    "island",  "lake",      "river",
                              "county", "hall",   "airport", "harbour", "quarter", "centre",    "center",
                              "school", "church", "hotel",   "hills",   "bay",     "university"};
  static const WordSet kLeads{"in",     "at",      "near", "around",     "across", "within",
                              "inside", "outside", "into", "throughout", "the"};
  static const WordSet kComers{"customers", "guests", "people", "clients", "visitors", "tourists", "orders",
                               "suppliers", "comes",  "come",   "came",    "moved",    "arrives",  "imported"};
  static const WordSet kGoers{"move",    "moves",      "moved",    "moving",  "drive",  "drives",  "travel",
                              "travels", "deliveries", "delivers", "deliver", "expand", "expands", "expanding",
                              "ship",    "ships",      "trip",     "go",      "goes",   "went"};
  if (kKinds.contains(words[last].lower)) return true;
  if (first == 0 || words[last].lower.ends_with("'s")) return false;
  const auto& before = words[first - 1].lower;
  if (kLeads.contains(before)) return true;
  const auto earlier = first > 1 ? std::string_view(words[first - 2].lower) : std::string_view();
  return (before == "from" && kComers.contains(earlier)) || (before == "to" && kGoers.contains(earlier));
}

// A place is one wherever else in the text it stands.
WordSet places_in(const Reading& reading) {
  WordSet places;
  for (const auto& sentence : reading.sentences) {
    const auto& words = sentence.words;
    for (std::size_t at = 0; at < words.size(); ++at) {
      if (!begins_large(words[at].text)) continue;
      const auto last = end_of_name(words, at);
      if (is_place(words, at, last)) places.insert(words[last].lower);
      at = last;
    }
  }
  return places;
}

// "in the station quarter", "from the cold spring": words that are times and other things too are times only behind words
// that go with a time.
bool names_a_time(const std::vector<Word>& words, std::size_t at) {
  static const WordSet kAmbiguous{"quarter", "spring", "may", "march"};
  static const WordSet kBefore{
      "by",       "until",     "till",  "before", "within",    "in",       "on",   "from",   "next",    "this",
      "end",      "every",     "the",   "a",      "of",        "each",     "last", "coming", "first",   "second",
      "third",    "fourth",    "early", "late",   "mid",       "our",      "per",  "middle", "current", "following",
      "previous", "beginning", "start", "fiscal", "financial", "calendar", "one",  "two",    "three",   "full",
      "whole",    "and",       "or",    "to",     "since",     "during"};
  if (!kAmbiguous.contains(words[at].lower) || at == 0) return true;
  const auto& before = words[at - 1].lower;
  return kBefore.contains(before) || is_digit(before[0]);
}

}  // namespace

std::vector<std::string> numbers_in(const Reading& reading) {
  static const WordSet kUnits{"percent", "hours",  "hour",      "minutes", "days",     "day",   "weeks",
                              "week",    "months", "month",     "years",   "year",     "euros", "euro",
                              "dollars", "pounds", "million",   "billion", "thousand", "k",     "customers",
                              "clients", "people", "employees", "orders",  "users",    "units", "points",
                              "points",  "visits", "leads",     "members", "times"};
  std::vector<std::string> found;
  const std::string_view text = reading.text;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at])) continue;
    auto begin = at;
    for (const std::string_view mark : {"\u20AC", "$", "\u00A3", "+", "-"}) {
      if (begin >= mark.size() && text.substr(0, begin).ends_with(mark)) begin -= mark.size();
    }
    const bool inside_word =
        begin > 0 && begin == at && (is_lower(text[begin - 1]) || (text[begin - 1] >= 'A' && text[begin - 1] <= 'Z'));
    while (at < text.size() && (is_digit(text[at]) || ((text[at] == '.' || text[at] == ',' || text[at] == '-') &&
                                                       at + 1 < text.size() && is_digit(text[at + 1])))) {
      ++at;
    }
    auto end = at;
    auto rest = text.substr(end);
    if (rest.starts_with('%') || rest.starts_with("\u20AC")) {
      end += rest[0] == '%' ? 1 : 3;
    } else if (rest.starts_with(" %")) {
      end += 2;
    } else if (rest.starts_with(' ') || rest.starts_with('k') || rest.starts_with('m')) {
      const auto words = split_words(rest.substr(0, 24));
      if (!words.empty() && words.front().text.data() - rest.data() <= 1 && kUnits.contains(words.front().lower)) {
        end += static_cast<std::size_t>(words.front().text.data() - rest.data()) + words.front().text.size();
      }
    }
    if (!inside_word) add_once(found, text.substr(begin, end - begin));
  }
  for (const auto& sentence : reading.sentences) {
    for (std::size_t at = 0; at < sentence.words.size(); ++at) {
      if (!is_number_word(sentence.words[at].lower)) continue;
      // With what is counted: "ten new restaurants".
      auto last = std::min(at + 1, sentence.words.size() - 1);
      const auto& next = sentence.words[last].lower;
      if (next == "new" || next == "more" || next == "other" || next == "additional") ++last;
      add_once(found, span(sentence.words, at, std::min(last, sentence.words.size() - 1)));
    }
  }
  return found;
}

std::vector<std::string> dates_in(const Reading& reading) {
  static const WordSet kDates{"january",  "february", "march",    "april",   "june",   "july",   "august",  "september",
                              "october",  "november", "december", "jan",     "feb",    "apr",    "jun",     "jul",
                              "aug",      "sept",     "oct",      "nov",     "dec",    "monday", "tuesday", "wednesday",
                              "thursday", "friday",   "saturday", "sunday",  "week",   "month",  "year",    "quarter",
                              "weeks",    "months",   "years",    "days",    "summer", "autumn", "winter",  "christmas",
                              "easter",   "tomorrow", "tonight",  "weekend", "q1",     "q2",     "q3",      "q4",
                              "may",      "spring"};
  static const WordSet kLeads{"by", "until", "till", "before", "within", "in",
                              "on", "from",  "next", "this",   "end",    "every"};
  const auto is_year = [](std::string_view word) {
    return word.size() == 4 && (word.starts_with("20") || word.starts_with("19")) && is_digit(word[2]) &&
           is_digit(word[3]);
  };
  const auto is_full = [](std::string_view word) {
    return word.size() == 10 && is_digit(word[0]) && word[4] == '-' && word[7] == '-' && is_digit(word[9]);
  };
  std::vector<std::string> found;
  for (const auto& sentence : reading.sentences) {
    const auto& words = sentence.words;
    for (std::size_t at = 0; at < words.size(); ++at) {
      const bool certain = is_full(words[at].lower) || is_year(words[at].lower);
      if (!certain && (!kDates.contains(words[at].lower) || !names_a_time(words, at))) continue;
      // "may" and "march" are dates only where a date would stand.
      auto first = at;
      bool led = false;
      for (std::size_t back = 1; back <= 4 && back <= at; ++back) {
        if (!kLeads.contains(words[at - back].lower)) continue;
        first = at - back;
        led = true;
        if (words[first].lower != "end" && words[first].lower != "next" && words[first].lower != "this") break;
      }
      const bool numbered = at > 0 && is_digit(words[at - 1].lower[0]);
      if (!certain && !led && !numbered && !words[at].lower.starts_with('q')) continue;
      if (!led && numbered) first = at - 1;
      auto last = at;
      while (last + 1 < words.size() && (is_year(words[last + 1].lower) || is_digit(words[last + 1].lower[0]))) ++last;
      add_once(found, span(words, first, last));
      at = last;
    }
  }
  return found;
}

std::vector<std::string> people_in(const Reading& reading) {
  static const WordSet kRoles{"manager",    "director",    "owner",      "founder",    "lead",      "leader",
                              "team",       "coordinator", "assistant",  "head",       "ceo",       "cfo",
                              "cto",        "cmo",         "coo",        "accountant", "developer", "designer",
                              "consultant", "foreman",     "supervisor", "trainer",    "engineer",  "secretary",
                              "partner",    "apprentice"};
  static const WordSet kNoNames{"i",      "monday",  "tuesday",   "wednesday", "thursday",  "friday",   "saturday",
                                "sunday", "january", "february",  "march",     "april",     "may",      "june",
                                "july",   "august",  "september", "october",   "november",  "december", "english",
                                "german", "french",  "dutch",     "spanish",   "europe",    "european", "germany",
                                "france", "google",  "facebook",  "linkedin",  "instagram", "i'm",      "i've",
                                "i'll",   "i'd",     "internet",  "christmas", "easter"};
  std::optional<WordSet> places;  // most texts name nobody, and need none
  std::vector<std::string> found;
  for (const auto& sentence : reading.sentences) {
    const auto& words = sentence.words;
    for (std::size_t at = 0; at < words.size(); ++at) {
      const auto& word = words[at];
      if (at == 0 && is_name_at_start(words)) {
        add_once(found, word.text);
      } else if (kRoles.contains(word.lower)) {
        const auto first =
            at > 0 && (is_weighty(words[at - 1].lower) || words[at - 1].lower == "our" || words[at - 1].lower == "the")
                ? at - 1
                : at;
        add_once(found, span(words, first, at));
      } else if (at > 0 && begins_large(word.text) && !kNoNames.contains(word.lower)) {
        const auto last = end_of_name(words, at);
        if (!places) places = places_in(reading);
        if (!places->contains(words[last].lower))
          add_once(found, without_possessive(words[last], span(words, at, last)));
        at = last;
      }
    }
  }
  return found;
}

}  // namespace llm::offline
