#include "llm/offline_facts.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/text.hpp"
#include "llm/offline_values.hpp"

namespace llm::offline {
namespace {

const PhraseSet kWants{"want",   "wants", "would like", "i'd like", "my goal", "our goal", "the goal",
                       "target", "aim",   "need to",    "get to",   "bring",   "reach",    "wish"};
const PhraseSet kToday{"at the moment", "currently", "now", "today", "right now", "so far", "these days", "at present"};
const PhraseSet kMeasures{"we measure", "i measure", "measured by", "we track"};
const PhraseSet kReasons{"matters because", "important because"};
const PhraseSet kFirstStep{"first step"};
const PhraseSet kObstacles{"in the way", "the obstacle", "the problem is"};

bool is_unit(std::string_view word) {
  static const std::unordered_set<std::string_view> kNoUnits{
      "to",      "of",       "and",   "by",    "is",  "are",    "a",         "the",     "in",       "at",      "for",
      "with",    "or",       "from",  "on",    "as",  "but",    "today",     "now",     "per",      "june",    "july",
      "january", "february", "march", "april", "may", "august", "september", "october", "november", "december"};
  return !word.empty() && !kNoUnits.contains(word) && (word[0] < '0' || word[0] > '9');
}

// A number with its unit and, before it, a bound ("under 8 hours"). Where it stands in the sentence, npos for nowhere.
struct Quantity {
  std::string text;
  std::size_t word = std::string_view::npos;
  bool bounded = false;  // "under", "at least": a target by its form
};

std::vector<Quantity> quantities(const Sentence& sentence) {
  std::vector<Quantity> found;
  const auto& words = sentence.words;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto& word = words[at];
    if (word.lower[0] < '0' || word.lower[0] > '9') continue;
    if (at > 0 && words[at - 1].text.data() + words[at - 1].text.size() + 1 == word.text.data() &&
        *(word.text.data() - 1) == '.' && !found.empty()) {
      continue;  // the decimals of the number before
    }
    const char* begin = word.text.data();
    const char* end = begin + word.text.size();
    const char* stop = sentence.text.data() + sentence.text.size();
    auto next = at + 1;
    if (end + 1 < stop && (*end == '.' || *end == ',') && end[1] >= '0' && end[1] <= '9') {
      end = words[next].text.data() + words[next].text.size();
      ++next;
    }
    if (end < stop && *end == '%') ++end;
    if (next < words.size() && is_unit(words[next].lower) && words[next].text.data() == end + 1 && *end == ' ') {
      end = words[next].text.data() + words[next].text.size();
    } else if (next < words.size() && !is_unit(words[next].lower) && *(end - 1) != '%' && at > 0) {
      const bool date = words[next].lower.size() > 2 && words[next].text[0] >= 'A' && words[next].text[0] <= 'Z';
      if (date) continue;  // "30 June"
    }
    static const std::unordered_set<std::string_view> kBounds{"under", "below", "over", "above"};
    bool bounded = false;
    if (at > 0 && kBounds.contains(words[at - 1].lower)) bounded = true;
    if (at > 1 &&
        ((words[at - 1].lower == "than") ||
         (words[at - 2].lower == "at" && (words[at - 1].lower == "least" || words[at - 1].lower == "most")))) {
      bounded = true;
      begin = words[at - 2].text.data();
    } else if (bounded) {
      begin = words[at - 1].text.data();
    }
    found.push_back({std::string(begin, end), at, bounded});
  }
  return found;
}

std::string lower_first(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

bool wants(const Sentence& sentence) { return kWants.in(sentence.words); }
bool tells_today(const Sentence& sentence) { return kToday.in(sentence.words); }

void set(std::string& fact, std::string_view text) {
  if (fact.empty()) fact = text;
}

std::string joined(const Turn& turn, std::size_t max_words) {
  std::string out;
  std::size_t words = 0;
  for (const auto& sentence : turn.sentences) {
    if (words > 0 && words + sentence.words.size() > max_words) break;
    if (!out.empty()) out += ' ';
    out += sentence.text;
    words += sentence.words.size();
  }
  return out;
}

void take_target(const Sentence& sentence, const Quantity& quantity, Facts& facts) {
  if (!facts.target.empty()) return;
  facts.target = lower_first(quantity.text);
  facts.target_sentence = sentence.text;
  set(facts.due, date_in(sentence));
}

// "from 31 hours to 8" and "under 8 hours" say which is which; else a wish asked for has the target, and "today" the rest.
void read_numbers(const Sentence& sentence, const Turn& turn, Facts& facts) {
  const auto& words = sentence.words;
  const bool asked = turn.question != nullptr && turn.question->phase > 0;
  const bool wish = wants(sentence);
  for (const auto& quantity : quantities(sentence)) {
    const auto before = [&](std::size_t back) {
      return quantity.word >= back ? std::string_view(words[quantity.word - back].lower) : std::string_view();
    };
    const bool from = before(1) == "from" || before(2) == "from";
    const bool to = before(1) == "to" && !tells_today(sentence);
    if (from || (tells_today(sentence) && !quantity.bounded)) {
      set(facts.baseline, quantity.text);
    } else if (quantity.bounded || to || (wish && asked)) {
      take_target(sentence, quantity, facts);
    }
  }
  if (wish) set(facts.due, date_in(sentence));
}

void read_answer(const Turn& turn, Facts& facts) {
  if (turn.kind != Kind::answer && turn.kind != Kind::brief) return;
  if (turn.expects("relevance") && facts.relevance.empty()) facts.relevance = joined(turn, 45);
  if (turn.expects("measure") && facts.measure.empty() && !turn.sentences.empty()) {
    facts.measure = core_of(turn.sentences.front().text);
  }
  if (turn.question != nullptr && turn.question->id == "due" && !turn.sentences.empty()) {
    const auto& first = turn.sentences.front();
    const auto date = date_in(first);
    if (!date.empty() || first.words.size() <= 6)
      set(facts.due, date.empty() ? core_of(first.text) : std::string_view(date));
  }
  const auto items = [&](std::vector<std::string>& list) {
    for (const auto& sentence : turn.sentences) {
      for (auto& item : split_items(after_label(sentence.text, 6))) list.push_back(std::move(item));
    }
  };
  if (turn.expects("obstacles")) items(facts.obstacles);
  if (turn.expects("first_step")) items(facts.first_steps);
}

void read_sentence(const Sentence& sentence, const Turn& turn, Facts& facts) {
  // A wish with a date says more than the first one.
  const bool dated = facts.target.empty() && !date_in(sentence).empty();
  if (wants(sentence) && (facts.wish.empty() || dated)) facts.wish = core_of(sentence.text);
  if (!turn.expects("first_step") && !turn.expects("measure") && !turn.expects("obstacles"))
    read_numbers(sentence, turn, facts);
  if (kMeasures.in(sentence.words)) set(facts.measure, core_of(sentence.text));
  if (kReasons.in(sentence.words)) set(facts.relevance, sentence.text);
  const bool first_step = kFirstStep.in(sentence.words) && !turn.expects("first_step");
  if (first_step && facts.first_steps.empty()) facts.first_steps = split_items(after_label(sentence.text, 6));
  const bool obstacle = kObstacles.in(sentence.words) && !turn.expects("obstacles");
  if (obstacle && facts.obstacles.empty()) facts.obstacles = split_items(after_label(sentence.text, 6));
  set(facts.horizon, horizon_in(sentence, turn.expects("horizon")));
}

// The sentences of a message that state something, without "Yes, that is it" and a label such as "Put together:".
std::string stated(const Turn& turn) {
  std::string out;
  for (const auto& sentence : turn.sentences) {
    if (only_agrees(sentence)) continue;
    auto core = core_of(after_label(core_of(sentence.text), 4));
    for (const std::string_view lead :
         {"no, ", "no. ", "rather ", "yes, that is the goal", "it should read ", "it should be "}) {
      if (base::to_lower(core.substr(0, lead.size())) == lead) core = core_of(core.substr(lead.size()));
    }
    if (split_words(core).size() < 3 || split_words(out).size() + split_words(core).size() > 60) continue;
    if (!out.empty()) out += ' ';
    out += capitalised(core) + ".";
  }
  return out;
}

// The last wording counts, unless it is only a short form of the one before.
void take_statement(std::string text, Facts& facts) {
  const auto now = split_words(text);
  const auto before = split_words(facts.statement);
  if (now.size() < 4 || now.size() * 5 < before.size() * 3) return;
  facts.statement = std::move(text);
}

void read_statement(const Turn& turn, std::size_t index, Facts& facts) {
  if (turn.expects("statement") && turn.kind == Kind::answer && !turn.after_confirm) facts.statement = stated(turn);
  if (!turn.after_confirm || !turn.tells()) return;
  auto text = stated(turn);
  if (text.empty()) return;
  if (turn.confirms) return take_statement(std::move(text), facts);
  if (split_words(text).size() < 4) return;
  facts.statement = std::move(text);
  facts.changed_by = index;
}

// A goal's numbers as last confirmed count more than the first mention.
void read_confirmed_goal(const Turn& turn, Facts& facts) {
  for (const auto& sentence : turn.sentences) {
    if (const auto date = date_in(sentence); !date.empty()) facts.due = date;
    for (const auto& quantity : quantities(sentence)) {
      if (quantity.bounded && split_words(quantity.text).size() > 2) facts.target = lower_first(quantity.text);
    }
  }
}

}  // namespace

bool Facts::known(std::string_view name) const {
  if (name == "horizon") return !horizon.empty();
  if (name == "target") return !target.empty();
  if (name == "due") return !due.empty();
  if (name == "measure") return !measure.empty();
  if (name == "relevance") return !relevance.empty();
  if (name == "obstacles") return !obstacles.empty();
  if (name == "first_step") return !first_steps.empty();
  return name == "statement" && !statement.empty();
}

Facts read_facts(const std::vector<Turn>& turns) {
  Facts facts;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto& turn = turns[i];
    if (!turn.tells()) continue;
    if (turn.after_confirm) {
      read_confirmed_goal(turn, facts);
    } else {
      read_answer(turn, facts);
      for (const auto& sentence : turn.sentences) read_sentence(sentence, turn, facts);
    }
    read_statement(turn, i, facts);
  }
  return facts;
}

}  // namespace llm::offline
