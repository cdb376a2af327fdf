// Dates, spans of time and quantities as people write them.
#include <algorithm>
#include <array>
#include <unordered_set>

#include "llm/offline_facts.hpp"

namespace llm::offline {
namespace {

constexpr auto kNone = std::string_view::npos;

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_year(std::string_view word) { return word.size() == 4 && all_digits(word) && (word[0] == '2'); }

bool is_date_word(std::string_view word) {
  static const std::unordered_set<std::string_view> kDates{
      "january",  "february", "march",    "april",     "may",    "june",     "july",    "august",  "september",
      "october",  "november", "december", "jan",       "feb",    "mar",      "apr",     "jun",     "jul",
      "aug",      "sep",      "sept",     "oct",       "nov",    "dec",      "monday",  "tuesday", "wednesday",
      "thursday", "friday",   "saturday", "sunday",    "week",   "month",    "year",    "quarter", "summer",
      "autumn",   "winter",   "spring",   "christmas", "easter", "tomorrow", "tonight", "weekend", "q1",
      "q2",       "q3",       "q4",       "today",     "weeks",  "months",   "years",   "days",    "holidays"};
  return kDates.contains(word) || is_year(word);
}

bool is_number(std::string_view word) {
  static const std::unordered_set<std::string_view> kNumbers{
      "one",    "two",    "three",   "four",   "five",   "six",   "seven", "eight",   "nine",   "ten",
      "eleven", "twelve", "fifteen", "twenty", "thirty", "forty", "fifty", "hundred", "couple", "few"};
  return all_digits(word) || kNumbers.contains(word);
}

std::string span(const Sentence& sentence, std::size_t first, std::size_t last) {
  const char* begin = sentence.words[first].text.data();
  const auto& end = sentence.words[last].text;
  return {begin, end.data() + end.size()};
}

}  // namespace

std::string date_in(const Sentence& sentence) {
  const auto& words = sentence.words;
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    const auto& lead = words[at].lower;
    const bool limit = lead == "by" || lead == "until" || lead == "till" || lead == "before";
    const bool within = (lead == "in" || lead == "within") && is_number(words[at + 1].lower);
    // "in April 2027", "in summer": a date as it stands, without a limit.
    const bool at_date = lead == "in" && !within && is_date_word(words[at + 1].lower) && words[at + 1].lower != "today";
    if (!limit && !within && !at_date) continue;
    std::size_t last = kNone;
    for (std::size_t next = at + 1; next < words.size() && next <= at + 5; ++next) {
      const bool joins =
          is_number(words[next].lower) || words[next].lower.ends_with("th") || words[next].lower.ends_with("st");
      if (is_date_word(words[next].lower)) last = next;
      if (last != kNone && next > last && !joins) break;
    }
    if (last != kNone) return span(sentence, lead == "by" || at_date ? at + 1 : at, last);
  }
  return "";
}

std::string horizon_in(const Sentence& sentence, bool any) {
  const auto& words = sentence.words;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto before = at > 0 ? std::string_view(words[at - 1].lower) : std::string_view();
    if (is_year(words[at].lower) && (any || before == "by" || before == "in")) return std::string(words[at].text);
    if (!is_number(words[at].lower) || at + 1 >= words.size()) continue;
    const auto& unit = words[at + 1].lower;
    if (unit != "years" && unit != "year" && unit != "months") continue;
    const auto after = at + 2 < words.size() ? std::string_view(words[at + 2].lower) : std::string_view();
    const bool ahead = before == "in" || before == "within" || after == "ahead" || after == "from" || after == "out";
    if (after != "ago" && (any || ahead)) {
      auto text = span(sentence, at, at + 1);
      if (text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
      return text;
    }
  }
  return "";
}

}  // namespace llm::offline
