#include "llm/offline_reflection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

namespace llm::offline {
namespace {

constexpr std::size_t kEchoWords = 32;

template <std::size_t N>
std::string_view pick(const std::array<std::string_view, N>& variants, std::size_t number) {
  return variants[number % N];
}

bool about_self(const Sentence& sentence) {
  static const std::unordered_set<std::string_view> kSelf{"i",     "i'm", "i've", "i'd", "we", "we're",
                                                          "we've", "me",  "my",   "our", "us", "myself"};
  return std::any_of(sentence.words.begin(), sentence.words.end(),
                     [](const Word& w) { return kSelf.contains(w.lower); });
}

// "You baked" after "So": only words that are written small inside a sentence.
std::string in_mid_sentence(std::string text) {
  static const std::unordered_set<std::string_view> kSmall{
      "you",   "your",  "it",    "the",   "when",    "if",        "in",      "on",     "at",
      "last",  "there", "that",  "this",  "people",  "what",      "time",    "as",     "my",
      "a",     "an",    "two",   "one",   "then",    "after",     "before",  "nobody", "everybody",
      "they",  "he",    "she",   "we",    "beneath", "under",     "what's",  "half",   "our",
      "while", "once",  "today", "every", "some",    "sometimes", "because", "for",    "with"};
  const auto words = split_words(text.substr(0, 24));
  if (!words.empty() && kSmall.contains(words.front().lower) && text[0] >= 'A' && text[0] <= 'Z') {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

std::string reflect_names(const Dialogue& dialogue) {
  std::vector<std::string> said;
  const auto index = dialogue.turns.size() - 1;
  for (const auto* value : dialogue.values.chosen()) {
    for (const auto& mention : value->mentions) {
      if (mention.turn != index || !mention.listed) continue;
      said.emplace_back(core_of(mention.span));
      break;
    }
  }
  if (said.size() < 2) return "";
  return capitalised(join(said)) + ": those are your own words, and I keep them as you said them.";
}

std::string reflect_behaviours(const Dialogue& dialogue) {
  std::vector<const Value*> shown;
  for (const auto* value : dialogue.values.chosen()) {
    if (!value->behaviours.empty()) shown.push_back(value);
  }
  if (shown.size() < 2) return "";
  const auto small = [](const Value* value) { return quoted(in_mid_sentence(shorten(value->behaviours.front(), 14))); };
  return fmt::format("That can be seen and heard: for {} it is {}, for {} it is {}.", shown.front()->name,
                     small(shown.front()), shown.back()->name, small(shown.back()));
}

std::string reflect_words(const Dialogue& dialogue, std::size_t number) {
  const auto& turn = *dialogue.last();
  const auto* sentence = salient_sentence(turn);
  if (sentence == nullptr) return "";
  // "When I helped my grandson" is no sentence alone; it is quoted.
  static const std::unordered_set<std::string_view> kOpen{"when", "because", "that", "to", "if", "where"};
  const bool fragment =
      kOpen.contains(sentence->words.front().lower) && sentence->text.find(',') == std::string_view::npos;
  if (about_self(*sentence) && !fragment) {
    constexpr std::array<std::string_view, 4> kFrames{"{}.", "So {}.", "{}.", "What I hear is this: {}."};
    const auto said = echo(turn, kEchoWords);
    const auto small = in_mid_sentence(said);
    // A word that may be a name cannot be written small after "So".
    const auto frame = small == said ? kFrames[0] : pick(kFrames, number);
    return fmt::format(fmt::runtime(frame), frame.starts_with("{}") ? capitalised(said) : small);
  }
  constexpr std::array<std::string_view, 4> kFrames{"{}: I keep that.", "You put it like this: {}.",
                                                    "{}. Let that stand for a moment.",
                                                    "This I want to hold on to: {}."};
  return fmt::format(fmt::runtime(pick(kFrames, number)), quoted(shorten(core_of(sentence->text), 26)));
}

// Values are hunted for in the stories; later the person's own words count.
bool hints_fit(const Dialogue& dialogue) {
  const auto* question = dialogue.last()->question;
  return dialogue.script.seeks == "values" && (question == nullptr || question->phase == 1);
}

const Mention* mention_in(const Value& value, std::size_t turn) {
  const auto found = std::find_if(value.mentions.begin(), value.mentions.end(),
                                  [&](const Mention& m) { return m.turn == turn && !m.listed; });
  return found == value.mentions.end() ? nullptr : &*found;
}

const Mention* mention_before(const Value& value, std::size_t turn) {
  const Mention* before = nullptr;
  for (const auto& mention : value.mentions) {
    if (mention.turn < turn && !mention.listed) before = &mention;
  }
  return before;
}

// Names a value that shows in the last message; with the words that show it when they have not just been given back.
std::string new_value(const Dialogue& dialogue, std::size_t number) {
  const auto index = dialogue.turns.size() - 1;
  const auto* salient = salient_sentence(*dialogue.last());
  const Value* best = nullptr;
  for (const auto& value : dialogue.values.found) {
    if (value.removed || value.named || mention_in(value, index) == nullptr || mention_before(value, index) != nullptr)
      continue;
    const bool better = best != nullptr && mention_in(*best, index)->sentence != salient;
    if (best == nullptr || (better && mention_in(value, index)->sentence == salient)) best = &value;
  }
  if (best == nullptr) return "";
  const auto* mention = mention_in(*best, index);
  if (mention->sentence != salient)
    return fmt::format("And {}: that sounds like {}.", quoted(mention->span), best->name);
  constexpr std::array<std::string_view, 4> kFrames{"I hear something like {} in it.",
                                                    "It sounds like {} to me; correct me if the word is wrong.",
                                                    "There may be {} beneath that; the word is yours to change.",
                                                    "If I had to lend you a word for it, it would be {}."};
  return fmt::format(fmt::runtime(pick(kFrames, number)), best->name);
}

// A value that showed in an earlier story already.
std::string returning_value(const Dialogue& dialogue) {
  const auto index = dialogue.turns.size() - 1;
  for (const auto& value : dialogue.values.found) {
    const auto* now = mention_in(value, index);
    const auto* before = mention_before(value, index);
    if (value.removed || now == nullptr || before == nullptr || before->turn + 4 < index) continue;
    if (split_words(before->span).size() < 2) continue;
    return fmt::format("Here is {} again, as in {}.", value.name, quoted(before->span));
  }
  return "";
}

// New ones come first; that one returns is said now and then only.
std::string value_hint(const Dialogue& dialogue, std::size_t number) {
  auto hint = new_value(dialogue, number);
  return hint.empty() && number % 2 == 1 ? returning_value(dialogue) : hint;
}

// A word that carries meaning, and that they used before, though the coach had not.
std::string returning_word(const Dialogue& dialogue) {
  const auto& turn = *dialogue.last();
  const auto* salient = salient_sentence(turn);
  for (const auto& sentence : turn.sentences) {
    // What has just been given back needs no second mention.
    if (&sentence == salient && turn.sentences.size() > 1) continue;
    for (const auto& word : sentence.words) {
      if (!is_content_word(word.lower) || word.lower.size() < 6 ||
          (turn.question != nullptr && turn.question->ask.find(word.text) != std::string_view::npos))
        continue;
      for (std::size_t i = 0; i + 2 < dialogue.turns.size(); ++i) {
        const auto& before = dialogue.turns[i].sentences;
        const bool said = std::any_of(before.begin(), before.end(),
                                      [&](const Sentence& s) { return contains_word(s.words, word.lower); });
        if (said) return fmt::format("And you come back to {}.", quoted(word.text));
      }
    }
  }
  return "";
}

}  // namespace

std::string echo(const Turn& turn, std::size_t max_words) {
  const auto* sentence = salient_sentence(turn);
  if (sentence == nullptr) return "";
  static const PhraseSet kLabels{"put together", "first step", "in the way", "in short",
                                 "in a word",    "my goal",    "summed up"};
  auto core = core_of(sentence->text);
  const auto rest = after_label(core, 6);
  const std::string_view label(core.data(), core.size() - rest.size());
  if (!label.empty() && kLabels.in(split_words(label))) core = rest;
  return to_second_person(shorten(core, max_words));
}

std::string heard(const Dialogue& dialogue, std::size_t most) {
  std::vector<std::string> items;
  for (const auto* value : dialogue.values.shown()) {
    const auto told =
        std::find_if(value->mentions.begin(), value->mentions.end(), [](const Mention& m) { return !m.listed; });
    if (items.size() == most || told == value->mentions.end()) break;
    const bool phrase = split_words(told->span).size() > 1;
    items.push_back(phrase ? fmt::format("{} ({})", value->name, quoted(told->span)) : value->name);
  }
  return join(items);
}

std::string reflection(const Dialogue& dialogue) {
  const auto* turn = dialogue.last();
  if (turn == nullptr) return "";
  const auto number = dialogue.turns.size();
  const bool values = dialogue.script.seeks == "values";
  if (values) {
    if (auto names = reflect_names(dialogue); !names.empty()) return names;
    if (turn->expects("behaviours")) {
      if (auto shown = reflect_behaviours(dialogue); !shown.empty()) return shown;
    }
  }
  auto out = reflect_words(dialogue, number);
  auto more = hints_fit(dialogue) ? value_hint(dialogue, number) : "";
  if (more.empty() && number % 2 == 0) more = returning_word(dialogue);
  if (!out.empty() && !more.empty()) out += ' ';
  return out + more;
}

}  // namespace llm::offline
