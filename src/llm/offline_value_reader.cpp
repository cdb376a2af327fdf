// Finds the values in a conversation, message by message.
#include <algorithm>
#include <unordered_set>

#include "base/text.hpp"
#include "llm/offline_values.hpp"

namespace llm::offline {
namespace {

constexpr std::size_t kMostItems = 12;  // of one sentence; a longer list is no list of values

// After these words people name values, whatever words they have for them …
const PhraseSet kNaming{"comes up is",
                        "comes up are",
                        "come up are",
                        "values are",
                        "value is",
                        "words are",
                        "word is",
                        "words would be",
                        "what matters is",
                        "what matters to me is",
                        "what matters to us is",
                        "underneath is",
                        "beneath it is",
                        "beneath that is",
                        "underneath it is",
                        "i would choose",
                        "i'd choose",
                        "i choose",
                        "i would add"};
// … and after these perhaps.
const PhraseSet kMaybeNaming{"we stand for", "i stand for", "i would say", "i'd say",
                             "it is about",  "it's about",  "add"};
const PhraseSet kWarnings{"warning sign",     "red flag",    "first sign",     "alarm bell",   "alarm bells",
                          "warning would be", "danger sign", "notice it when", "notice when i"};
const PhraseSet kConditions{"more the condition", "the condition", "a condition",   "only a means",
                            "just a means",       "a means",       "a consequence", "the result of"};
const PhraseSet kDrops{"drop",    "remove",   "leave out", "without", "instead of",
                       "replace", "take out", "delete",    "strike",  "not"};

std::string_view from_word(const Sentence& sentence, std::size_t word) {
  if (word >= sentence.words.size()) return {};
  const char* begin = sentence.words[word].text.data();
  return {begin, static_cast<std::size_t>(sentence.text.data() + sentence.text.size() - begin)};
}

std::string_view span_of(const Sentence& sentence, std::size_t first, std::size_t last) {
  const char* begin = sentence.words[first].text.data();
  // "threw a batch away because": the last word only leads on.
  static const std::unordered_set<std::string_view> kLeadOn{"because", "then", "that", "and"};
  while (last > first && kLeadOn.contains(sentence.words[last].lower)) --last;
  const auto end = sentence.words[last].text.data() + sentence.words[last].text.size();
  return {begin, static_cast<std::size_t>(end - begin)};
}

std::vector<std::string_view> list_items(std::string_view text) {
  std::vector<std::string_view> items;
  while (!text.empty() && items.size() < kMostItems) {
    std::size_t at = std::string_view::npos, length = 0;
    for (const std::string_view mark : {", and ", ", ", " and ", " & ", "; ", " or ", "\n"}) {
      const auto found = text.find(mark);
      if (found < at || (found == at && mark.size() > length)) at = found, length = mark.size();
    }
    items.push_back(base::trim(text.substr(0, at)));
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + length);
  }
  return items;
}

// Without articles, adverbs and marks around it.
std::vector<Word> item_words(std::string_view item) {
  static const std::unordered_set<std::string_view> kEmpty{"a",        "an",    "the", "my",  "our",  "also",
                                                           "probably", "maybe", "of",  "and", "then", "just",
                                                           "real",     "being", "it",  "is",  "first"};
  auto words = split_words(item);
  while (!words.empty() && kEmpty.contains(words.front().lower)) words.erase(words.begin());
  while (!words.empty() &&
         (words.back().lower == "too" || words.back().lower == "then" || words.back().lower == "most")) {
    words.pop_back();
  }
  return words;
}

class Reader {
 public:
  explicit Reader(const std::vector<Turn>& turns) : turns_(turns) {}

  Values run() {
    for (turn_ = 0; turn_ < turns_.size(); ++turn_) {
      const auto& turn = turns_[turn_];
      if (turn.after_confirm) adopt_shown();
      if (!turn.tells()) continue;
      label_ = kNone;
      listing_ = false;
      for (const auto& sentence : turn.sentences) read(sentence, turn);
      if (turn.expects("red_flag")) take_red_flag_answer(turn);
    }
    attach_red_flags();
    return std::move(values_);
  }

 private:
  static constexpr auto kNone = std::string_view::npos;

  void read(const Sentence& sentence, const Turn& turn) {
    if (is_red_flag(sentence)) {
      red_flags_.push_back(std::string(core_of(sentence.text)));
      return;
    }
    if (read_behaviour(sentence, turn)) return;
    if (turn.question != nullptr && turn.question->id == "conflict") {
      if (values_.trade_off.empty()) values_.trade_off = core_of(sentence.text);
      return;
    }
    if (!read_removal(sentence, turn) && !read_names(sentence, turn)) read_story(sentence);
  }

  static bool is_red_flag(const Sentence& sentence) { return kWarnings.in(sentence.words); }

  Value& value_for(const ValueEntry* entry, const std::string& name) {
    const auto same = std::find_if(values_.found.begin(), values_.found.end(), [&](const Value& value) {
      return entry != nullptr ? value.entry == entry : value.name == name;
    });
    if (same != values_.found.end()) return *same;
    values_.found.push_back({.name = name, .entry = entry});
    return values_.found.back();
  }

  void read_story(const Sentence& sentence) {
    for (const auto& match : find_cues(sentence.words)) {
      auto& value = value_for(match.entry, std::string(match.entry->name));
      value.mentions.push_back({&sentence, span_of(sentence, match.first, match.last), turn_, false});
    }
  }

  // The items of a list of names in this sentence, and whether unknown words count as names there.
  std::pair<std::vector<std::string_view>, bool> names_in(const Sentence& sentence, const Turn& turn) const {
    if (const auto named = kNaming.find(sentence.words)) return {list_items(from_word(sentence, named->after)), true};
    if (const auto maybe = kMaybeNaming.find(sentence.words)) {
      return {list_items(from_word(sentence, maybe->after)), turn.expects("names")};
    }
    const auto items = list_items(core_of(sentence.text));
    const bool short_items =
        std::all_of(items.begin(), items.end(), [](auto item) { return item_words(item).size() <= 3; });
    const bool asked = turn.expects("names");
    if (short_items && (items.size() >= 2 || asked || listing_))
      return {items, asked || listing_ || turn.after_confirm};
    return important_in(sentence);
  }

  // "Family is important too": what stands before.
  static std::pair<std::vector<std::string_view>, bool> important_in(const Sentence& sentence) {
    for (std::size_t at = 1; at + 1 < sentence.words.size() && at <= 6; ++at) {
      const auto& verb = sentence.words[at].lower;
      const auto& after = sentence.words[at + 1].lower;
      if ((verb == "is" || verb == "are") && (after == "important" || after == "essential" || after == "sacred")) {
        return {list_items(span_of(sentence, 0, at - 1)), false};
      }
    }
    return {};
  }

  bool read_names(const Sentence& sentence, const Turn& turn) {
    const auto [items, unknown_too] = names_in(sentence, turn);
    bool any = false;
    for (const auto item : items) {
      const auto words = item_words(item);
      if (words.empty() || words.size() > 4) break;
      any = take_name(item, words, sentence, unknown_too) || any;
    }
    listing_ = any;
    return any;
  }

  bool take_name(std::string_view item, const std::vector<Word>& words, const Sentence& sentence, bool unknown_too) {
    if (const auto means = means_word(words); !means.empty()) {
      values_.means = base::to_lower(means);
      return true;
    }
    const auto cues = find_cues(words);
    if (cues.empty() && (!unknown_too || !can_be_a_name(words))) return false;
    const auto* entry = cues.empty() ? nullptr : cues.front().entry;
    auto name = std::string(entry == nullptr ? "" : entry->name);
    if (cues.empty())
      name = base::to_lower(
          {words.front().text.data(),
           static_cast<std::size_t>(words.back().text.data() + words.back().text.size() - words.front().text.data())});
    if (!cues.empty() && words.size() == 1 && cues.front().noun) name = words.front().lower;
    auto& value = value_for(entry, name);
    if (!value.named) value.name = name;
    name_it(value);
    value.removed = false;
    value.mentions.push_back({&sentence, item, turn_, true});
    values_.changed_by = turn_;
    return true;
  }

  void name_it(Value& value) {
    if (!value.named) value.named_as = ++named_;
    value.named = true;
  }

  // What was given back for confirmation is named from then on; otherwise adding one would lose the rest.
  void adopt_shown() {
    if (values_.named_count() > 0) return;
    for (const auto* shown : values_.chosen())
      name_it(values_.found[static_cast<std::size_t>(shown - values_.found.data())]);
  }

  // One to three words that are no verb phrase and no filler.
  static bool can_be_a_name(const std::vector<Word>& words) {
    static const std::unordered_set<std::string_view> kNever{
        "i",     "you",        "we",      "they",      "he",     "she",   "it",       "that",  "this",
        "these", "those",      "yes",     "no",        "not",    "am",    "is",       "are",   "was",
        "were",  "have",       "has",     "do",        "does",   "know",  "think",    "thing", "things",
        "all",   "everything", "nothing", "something", "others", "hard",  "question", "words", "values",
        "them",  "thanks",     "thank",   "please",    "ok",     "okay",  "well",     "sure",  "my",
        "our",   "me",         "us",      "what",      "who",    "hello", "hi"};
    return words.size() <= 3 && words.front().lower.size() >= 3 &&
           std::none_of(words.begin(), words.end(), [](const Word& word) { return kNever.contains(word.lower); });
  }

  // "Survival is more the condition", "drop honesty", "not loyalty".
  bool read_removal(const Sentence& sentence, const Turn& turn) {
    const auto& words = sentence.words;
    const bool condition = kConditions.in(words);
    if (condition && !means_word(words).empty()) return values_.means.clear(), true;
    const bool asked_to_drop = turn.question != nullptr && turn.question->id == "drop" && !turn.after_confirm;
    const bool drops = turn.after_confirm && kDrops.in(words);
    if (!condition && !asked_to_drop && !drops) return false;
    bool any = false;
    for (auto& value : values_.found) {
      const auto at = value.named && !value.removed ? position_of(value, words) : kNone;
      if (at == kNone || (turn.after_confirm && !near_negation(words, at))) continue;
      value.removed = any = true;
      values_.changed_by = turn_;
    }
    if (any && turn.after_confirm) take_replacement(sentence);
    return any;
  }

  static std::size_t position_of(const Value& value, const std::vector<Word>& words) {
    const auto named = split_words(value.name);
    for (std::size_t at = 0; at < words.size(); ++at) {
      if (!named.empty() && words[at].lower == named.front().lower) return at;
    }
    for (const auto& match : find_cues(words)) {
      if (match.entry == value.entry && match.noun) return match.first;
    }
    return kNone;
  }

  static bool near_negation(const std::vector<Word>& words, std::size_t at) {
    static const std::unordered_set<std::string_view> kNegations{"not",  "drop",  "remove",  "without", "delete",
                                                                 "of",   "leave", "replace", "instead", "no",
                                                                 "take", "cut",   "strike"};
    for (std::size_t back = 1; back <= 3 && back <= at; ++back) {
      if (kNegations.contains(words[at - back].lower)) return true;
    }
    return at + 2 < words.size() && (words[at + 1].lower == "out" || words[at + 2].lower == "out");
  }

  // "freedom instead of honesty", "replace honesty with freedom".
  void take_replacement(const Sentence& sentence) {
    for (const auto& match : find_cues(sentence.words)) {
      if (!match.noun || near_negation(sentence.words, match.first)) continue;
      take_name(span_of(sentence, match.first, match.last), {sentence.words[match.first]}, sentence, false);
    }
  }

  // "Craft: we throw away what is not right, and everybody learns the whole bread."
  bool read_behaviour(const Sentence& sentence, const Turn& turn) {
    const auto rest = after_label(sentence.text, 3);
    if (rest.size() < sentence.text.size() && !rest.empty()) {
      const auto labelled = labelled_value(sentence, rest);
      if (labelled != kNone) {
        label_ = labelled;
        for (auto& item : split_items(rest)) values_.found[label_].behaviours.push_back(std::move(item));
        if (turn.after_confirm) values_.changed_by = turn_;
        return true;
      }
    }
    if (!turn.expects("behaviours") || sentence.words.size() < 3) return false;
    const auto index = label_ != kNone ? label_ : nearest_value(sentence.words);
    if (index == kNone) return false;
    for (auto& item : split_items(core_of(sentence.text))) values_.found[index].behaviours.push_back(std::move(item));
    return true;
  }

  std::size_t labelled_value(const Sentence& sentence, std::string_view rest) {
    const std::string_view label(sentence.text.data(), static_cast<std::size_t>(rest.data() - sentence.text.data()));
    const auto words = item_words(label);
    const auto cues = find_cues(words);
    for (std::size_t i = 0; i < values_.found.size(); ++i) {
      const auto& value = values_.found[i];
      if (!cues.empty() ? value.entry == cues.front().entry : position_of(value, words) != kNone) return i;
    }
    return kNone;
  }

  std::size_t nearest_value(const std::vector<Word>& words) const {
    const auto cues = find_cues(words);
    std::size_t best = kNone, best_shared = 0;
    for (std::size_t i = 0; i < values_.found.size(); ++i) {
      const auto& value = values_.found[i];
      if (value.removed || (values_.named_count() > 0 && !value.named)) continue;
      std::size_t shared = position_of(value, words) != kNone ? 8 : 0;
      for (const auto& cue : cues) shared += cue.entry == value.entry ? 4 : 0;
      for (const auto& mention : value.mentions)
        shared += mention.listed ? 0 : shared_words(words, mention.sentence->words);
      for (const auto& behaviour : value.behaviours) shared += shared_words(words, split_words(behaviour));
      if (shared > best_shared) best = i, best_shared = shared;
    }
    return best;
  }

  void take_red_flag_answer(const Turn& turn) {
    const bool told = std::any_of(turn.sentences.begin(), turn.sentences.end(), is_red_flag);
    const auto* sentence = salient_sentence(turn);
    if (!told && turn.kind == Kind::answer && sentence != nullptr) red_flags_.emplace_back(core_of(sentence->text));
  }

  // To the value whose stories share most words with it, else to the first.
  void attach_red_flags() {
    for (auto& flag : red_flags_) {
      const auto words = split_words(flag);
      auto index = nearest_value(words);
      const auto chosen = values_.chosen();
      if (index == kNone && !chosen.empty()) index = static_cast<std::size_t>(chosen.front() - values_.found.data());
      if (index != kNone && values_.found[index].red_flag.empty()) values_.found[index].red_flag = flag;
    }
  }

  const std::vector<Turn>& turns_;
  Values values_;
  std::size_t turn_ = 0;
  std::size_t named_ = 0;  // how many have been named
  bool listing_ = false;   // the sentence before was a list of names
  std::size_t label_ = kNone;  // the value whose behaviours are being told in this message
  std::vector<std::string> red_flags_;  // told as such, and answers to the question for one
};

}  // namespace

Values read_values(const std::vector<Turn>& turns) { return Reader(turns).run(); }

}  // namespace llm::offline
