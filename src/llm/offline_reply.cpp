#include "llm/offline_reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/json.hpp"
#include "llm/offline_reflection.hpp"

namespace llm::offline {
namespace {

constexpr std::string_view kDistress =
    "I am glad that you say this, and I take it seriously. I am a simple program, and this deserves a person: please "
    "call "
    "your local emergency number or a crisis line in your country now, or go to someone you trust and tell them what "
    "you "
    "told me. You do not have to be alone with it. Our conversation can wait, and it stays here. Are you safe right "
    "now?";

std::size_t count_kind(const Dialogue& dialogue, Kind kind) {
  return static_cast<std::size_t>(
      std::count_if(dialogue.turns.begin(), dialogue.turns.end(), [&](const Turn& t) { return t.kind == kind; }));
}

// The variants in turn, each time this kind of message comes.
template <std::size_t N>
std::string variant(const std::array<std::string_view, N>& variants, std::size_t times) {
  return std::string(variants[(times + N - 1) % N]);
}

std::string answer_to_question(const Dialogue& dialogue) {
  switch (asked_about(dialogue.last()->sentences)) {
    case Asked::meaning:
      return variant(
          std::array<std::string_view, 2>{
              "Fair enough, that was not clear. I mean something simple, and an everyday example is enough.",
              "Let me ask it from another side."},
          count_kind(dialogue, Kind::question));
    case Asked::opinion:
      return "I work by rules and have no opinion that could be worth more than yours; you are the one who lives it.";
    case Asked::identity:
      return "I am the offline coach of PurposePath: a program that works by rules, without a language model. What you "
             "hear "
             "from me is your own words and my questions.";
    case Asked::process:
      return "It takes about a dozen questions: moments first, then the words for them, and at the end your yes or no.";
    case Asked::privacy:
      return "I run inside PurposePath itself and send what you write to no other service; who can see it there is up "
             "to those who "
             "operate it.";
    case Asked::other: break;
  }
  return variant(
      std::array<std::string_view, 2>{"I cannot answer that; all I can do is hold this conversation with you.",
                                      "That lies outside of what I can do here, so back to you."},
      count_kind(dialogue, Kind::question));
}

std::string lead_in_brief(const Dialogue& dialogue, const Next& next) {
  const auto& turn = *dialogue.last();
  const auto times = count_kind(dialogue, Kind::brief);
  const auto said = quoted(core_of(turn.text));
  constexpr std::array<std::string_view, 5> kEmpty{"no", "yes", "nobody", "nothing", "none"};
  const bool empty = turn.sentences.empty() || std::find(kEmpty.begin(), kEmpty.end(),
                                                         turn.sentences.front().words.front().lower) != kEmpty.end();
  if (empty) return variant(std::array<std::string_view, 2>{"All right.", "I take that as it is."}, times);
  if (next.ask != Ask::probe) {
    return fmt::format(
        "{} {}.",
        variant(std::array<std::string_view, 3>{"I take it as it is:", "Good, I have that:", "That stands:"}, times),
        said);
  }
  const auto frame = variant(std::array<std::string_view, 3>{"{}: a word can hold a whole story.",
                                                             "{}. I would like to see it as you do.", "{}, you say."},
                             times);
  return fmt::format(fmt::runtime(frame), said);
}

// What is said before the question, by the kind of message.
std::string lead_in(const Dialogue& dialogue, const Next& next) {
  const auto& turn = *dialogue.last();
  const auto times = count_kind(dialogue, turn.kind);
  switch (turn.kind) {
    case Kind::unsure:
      return variant(
          std::array<std::string_view, 4>{"That is fine; not knowing is a place to start from.",
                                          "You need not know it. Let us come to it from another side.",
                                          "Then we let that one rest and go on.", "No hurry; there are other doors."},
          times);
    case Kind::question: return answer_to_question(dialogue);
    case Kind::foreign:
      return variant(
          std::array<std::string_view, 2>{
              "I am sorry: I work by rules and only understand English, so I could not follow that. If you can, "
              "answer in simple English; a few words are enough.",
              "I still only understand English; a few simple words will do."},
          times);
    case Kind::unreadable:
      return variant(std::array<std::string_view, 2>{"Signs and pictures are more than I can read; I need words.",
                                                     "I cannot read that one either. A word or two is enough."},
                     times);
    case Kind::command:
      return variant(
          std::array<std::string_view, 2>{
              "I follow one plan only, and that is this conversation with you.",
              "There is nothing else I can be switched to; I am here for your questions of this kind only."},
          times);
    case Kind::greeting: return times == 1 ? "Hello, and good that you are here." : "Hello again.";
    case Kind::brief: return lead_in_brief(dialogue, next);
    default: return reflection(dialogue);
  }
}

bool opens_phase(const Dialogue& dialogue, const Next& next) {
  return next.ask == Ask::question && std::none_of(dialogue.asked.begin(), dialogue.asked.end(),
                                                   [&](const Question* asked) { return asked->phase == next.phase; });
}

std::string after_completion(const Dialogue& dialogue) {
  const auto& last = *dialogue.last();
  if (last.confirms) return filled(dialogue, dialogue.script.closing);
  return "What we have stands as you confirmed it. You can finish this conversation whenever you like; if something "
         "should "
         "change after all, start a new one and we look at it afresh.";
}

void append(std::string& out, std::string_view more) {
  if (!out.empty() && !more.empty()) out += ' ';
  out += more;
}

std::string before_question(const Dialogue& dialogue, const Next& next) {
  std::string out;
  if (opens_phase(dialogue, next)) append(out, dialogue.script.phases[next.phase].bridge);
  const bool tells_heard = next.question != nullptr && next.question->says == "heard" && next.ask == Ask::question;
  if (const auto list = tells_heard ? heard(dialogue, 4) : ""; !list.empty()) {
    append(out, fmt::format("In what you have told me so far I hear {}; take them as loans.", list));
  }
  return out;
}

std::string lead_in_no(const Dialogue& dialogue, const Next& next) {
  if (next.ask == Ask::what_changes)
    return dialogue.what_changes == 0 ? "Good that you say so." : "Let us get it right.";
  return "Thank you, I take that in.";
}

}  // namespace

std::string first_message(const Script& script) {
  return fmt::format("{} {}", script.opening, script.questions.front().ask);
}

std::string welcome_back(const Dialogue& dialogue) {
  if (dialogue.complete)
    return "Welcome back. What you confirmed is kept as it stands; you can finish the conversation whenever you like.";
  std::string out = "Welcome back.";
  const auto list = dialogue.script.seeks == "values" ? heard(dialogue, 4) : "";
  const auto chosen = dialogue.values.chosen();
  if (dialogue.script.seeks == "values" && dialogue.values.named_count() > 0) {
    append(out, filled(dialogue, "You had named {list}."));
  } else if (!list.empty()) {
    append(out, fmt::format("Before the break I had heard {}.", list));
  }
  for (auto turn = dialogue.turns.rbegin(); turn != dialogue.turns.rend(); ++turn) {
    const auto* sentence = turn->kind == Kind::answer ? salient_sentence(*turn) : nullptr;
    if (sentence == nullptr) continue;
    append(out, fmt::format("The last thing you told me was this: {}.", quoted(shorten(core_of(sentence->text), 26))));
    break;
  }
  append(out, "Let us pick it up there.");
  append(out, question_text(dialogue, next_question(dialogue, true)));
  return out;
}

std::string reply_text(const Dialogue& dialogue) {
  const auto* last = dialogue.last();
  if (last == nullptr) return first_message(dialogue.script);
  if (last->kind == Kind::distress) return std::string(kDistress);
  if (dialogue.complete) return after_completion(dialogue);
  if (last->kind == Kind::farewell) {
    return "Then let us stop here. Everything you said is kept, and we can go on from this point whenever you like. "
           "Thank you "
           "for your time.";
  }
  const auto next = next_question(dialogue);
  const bool no = last->after_confirm && (last->kind == Kind::answer || last->kind == Kind::unsure);
  auto out = no ? lead_in_no(dialogue, next) : lead_in(dialogue, next);
  append(out, before_question(dialogue, next));
  append(out, question_text(dialogue, next));
  return out;
}

std::string assessment_text(const Dialogue& dialogue) {
  namespace json = boost::json;
  const auto next = next_question(dialogue);
  json::array insights;
  const auto* last = dialogue.last();
  if (last != nullptr && last->kind == Kind::answer && !last->confirms) {
    if (const auto said = echo(*last, 30); !said.empty()) insights.emplace_back(capitalised(said) + ".");
  }
  json::array values;
  const bool seeks_values = dialogue.script.seeks == "values";
  for (const auto* value : dialogue.values.chosen()) {
    // Elsewhere a value counts only when it shows twice: one turn of phrase is too little.
    if (seeks_values || value->mentions.size() >= 2) values.emplace_back(value->name);
  }
  json::object out;
  out["phase"] = kPhases[next.phase];
  out["insights"] = std::move(insights);
  out["identified_values"] = std::move(values);
  const auto question = last != nullptr && last->kind == Kind::distress ? "" : question_text(dialogue, next);
  out["follow_up_question"] = question.empty() ? json::value(nullptr) : json::value(question);
  out["is_complete"] = dialogue.complete;
  const auto& steps = dialogue.facts.first_steps;
  out["next_steps"] = steps.empty() ? json::value(nullptr) : json::value(to_second_person(join(steps)) + ".");
  return base::write_json(out);
}

}  // namespace llm::offline
