#include "llm/offline_dialogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "llm/offline_summary.hpp"

namespace llm::offline {
namespace {

constexpr std::array<std::string_view, 3> kWhatChanges{
    "What should be different?", "Which word or which part is not right yet?", "How would you put it yourself?"};
constexpr std::string_view kVersion = "Is there a clear yes to this version?";

template <class T>
bool contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

class DialogueReader {
 public:
  DialogueReader(const Script& script, const Request& request)
      : out_{script}, current_(phase_index(request.current_phase)) {
    for (const auto& note : read_notes(request.summary.reveal())) read_note(note);
    for (const auto& message : request.messages) {
      if (message.role == Role::assistant) {
        read_coach(message.content.reveal());
      } else {
        read_coachee(message.content.reveal());
      }
    }
    out_.floor = std::max(out_.floor, std::min(current_, kValidation));
    out_.values = read_values(out_.turns);
    out_.facts = read_facts(out_.turns);
  }
  Dialogue take() { return std::move(out_); }

 private:
  // What a summary of ours says about an exchange that lies before the window.
  void read_note(const Note& note) {
    const auto* question = out_.script.question(note.question);
    out_.confirming = note.question == "confirm";
    out_.confirms += out_.confirming ? 1 : 0;
    known_ = out_.confirming || question != nullptr;
    was_probe_ = false;
    out_.pending = question;
    if (question != nullptr) {
      if (!contains(out_.asked, question)) out_.asked.push_back(question);
      out_.floor = std::max(out_.floor, question->phase);
    }
    if (!note.text.empty()) read_coachee(note.text);
  }

  void read_coach(std::string_view text) {
    out_.confirming = asks_to_confirm(text);
    known_ = out_.confirming || read_question(text);
    was_probe_ = !known_ && read_probe(text);
    known_ = known_ || was_probe_;
    // Another coach (a model) may have asked before; a plain yes at the end of its validation is a yes.
    if (!known_ && current_ >= kValidation && text.ends_with('?')) out_.confirming = true;
  }

  bool asks_to_confirm(std::string_view text) {
    const bool frame = std::any_of(out_.script.confirm.begin(), out_.script.confirm.end(),
                                   [&](auto ask) { return ends_with_question(text, ask); });
    if (frame || text.ends_with(kVersion)) return ++out_.confirms, true;
    const bool change =
        std::any_of(kWhatChanges.begin(), kWhatChanges.end(), [&](auto ask) { return text.ends_with(ask); });
    return change ? (++out_.what_changes, true) : false;
  }

  bool read_question(std::string_view text) {
    for (const auto& question : out_.script.questions) {
      const bool first = ends_with_question(text, question.ask);
      const bool second = !first && !question.another.empty() && ends_with_question(text, question.another);
      if (!first && !second) continue;
      if (first && !contains(out_.asked, &question)) out_.asked.push_back(&question);
      if (second) out_.asked_another.push_back(&question);
      out_.pending = &question;
      out_.floor = std::max(out_.floor, question.phase);
      return true;
    }
    return false;
  }

  bool read_probe(std::string_view text) {
    const bool probe = std::any_of(out_.script.probes.begin(), out_.script.probes.end(),
                                   [&](auto ask) { return text.ends_with(ask); });
    out_.probes += probe ? 1 : 0;
    return probe;
  }

  void read_coachee(std::string_view text) {
    Turn turn;
    turn.text = text;
    turn.sentences = split_sentences(text);
    turn.kind = kind_of(text, turn.sentences);
    turn.after_confirm = out_.confirming;
    turn.question = out_.confirming ? nullptr : out_.pending;
    turn.probed = was_probe_;
    if (turn.after_confirm && turn.kind == Kind::brief) turn.kind = Kind::answer;
    turn.confirms = turn.after_confirm && is_clear_yes(turn.sentences);
    out_.complete = out_.complete || turn.confirms;
    if (counts(turn) && !contains(out_.answered, turn.question)) out_.answered.push_back(turn.question);
    out_.turns.push_back(std::move(turn));
  }

  // Whether a question may be left behind after this answer.
  static bool counts(const Turn& turn) {
    if (turn.question == nullptr) return false;
    const bool expected = !turn.question->expects.empty();
    return turn.kind == Kind::answer || (turn.kind == Kind::brief && (turn.probed || expected));
  }

  Dialogue out_;
  std::size_t current_;
  bool known_ = false;
  bool was_probe_ = false;
};

bool is_answered(const Dialogue& dialogue, std::string_view id) {
  return std::any_of(dialogue.answered.begin(), dialogue.answered.end(), [&](auto* q) { return q->id == id; });
}

bool has_what_it_needs(const Dialogue& dialogue, std::string_view needs) {
  const auto count = dialogue.values.chosen().size();
  if (needs.empty()) return true;
  if (needs == "none") return count == 0;
  if (needs == "one") return count >= 1;
  if (needs == "two") return count >= 2;
  if (needs == "many") return count >= 7;
  if (needs == "means") return !dialogue.values.means.empty();
  return dialogue.facts.known(needs);
}

bool can_ask(const Dialogue& dialogue, const Question& question) {
  if (contains(dialogue.asked, &question) || contains(dialogue.answered, &question)) return false;
  if (!has_what_it_needs(dialogue, question.needs)) return false;
  return std::none_of(question.unless.begin(), question.unless.end(), [&](std::string_view known) {
    return is_answered(dialogue, known) || dialogue.facts.known(known) ||
           (known == "named" && dialogue.values.named_count() > 0);
  });
}

Next walk(const Dialogue& dialogue) {
  for (auto phase = dialogue.floor; phase <= kValidation; ++phase) {
    const auto answers = static_cast<std::size_t>(
        std::count_if(dialogue.answered.begin(), dialogue.answered.end(), [&](auto* q) { return q->phase == phase; }));
    const bool enough = answers >= dialogue.script.phases[phase].enough;
    for (const auto& question : dialogue.script.questions) {
      if (question.phase != phase || (enough && !question.always) || !can_ask(dialogue, question)) continue;
      return {Ask::question, &question, phase};
    }
  }
  return {Ask::confirm, nullptr, kValidation};
}

bool can_ask_another(const Dialogue& dialogue, const Question* question) {
  return question != nullptr && !question->another.empty() && !contains(dialogue.asked_another, question);
}

// They did not say yes. When they said what to change, ask again with it; else ask what it is.
Next after_no(const Dialogue& dialogue) {
  const auto index = dialogue.turns.size() - 1;
  const auto changed_by = dialogue.script.seeks == "values" ? dialogue.values.changed_by : dialogue.facts.changed_by;
  const bool changed = changed_by == index;
  const bool ask = !changed && dialogue.what_changes < kWhatChanges.size();
  return {ask ? Ask::what_changes : Ask::confirm, nullptr, kValidation};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string value_list(const Dialogue& dialogue) {
  std::vector<std::string> names;
  for (const auto* value : dialogue.values.chosen()) names.push_back(value->name);
  return names.empty() ? "what you have told me" : join(names);
}

std::string statement_of(const Dialogue& dialogue) {
  if (!dialogue.facts.statement.empty()) return dialogue.facts.statement;
  for (auto turn = dialogue.turns.rbegin(); turn != dialogue.turns.rend(); ++turn) {
    const auto* sentence = turn->kind == Kind::answer ? salient_sentence(*turn) : nullptr;
    if (sentence != nullptr) return capitalised(core_of(sentence->text)) + ".";
  }
  return "";
}

std::string with_period(std::string_view text) {
  std::string out(text);
  if (!out.empty() && out.back() != '.' && out.back() != '!' && !out.ends_with("\u2026")) out += '.';
  return out;
}

std::string goal_of(const Dialogue& dialogue) {
  const auto& facts = dialogue.facts;
  if (facts.changed_by != std::string_view::npos) return quoted(facts.statement);
  std::string due;
  if (!facts.due.empty())
    due = facts.due.starts_with("before") || facts.due.starts_with("until") || facts.due.starts_with("in ") ||
                  facts.due.starts_with("within")
              ? " " + facts.due
              : " by " + facts.due;
  std::string out;
  if (!facts.baseline.empty() && !facts.target.empty()) {
    out = fmt::format("you want to get from {} to {}{}.", facts.baseline, facts.target, due);
  } else {
    const auto wish = !facts.target_sentence.empty() ? facts.target_sentence
                      : !facts.wish.empty()          ? facts.wish
                                                     : statement_of(dialogue);
    out = quoted(core_of(wish)) + (wish.find(facts.due) == std::string::npos ? due : "") + ".";
  }
  if (!facts.relevance.empty()) {
    out += fmt::format(" The reason you gave: {}.",
                       quoted(shorten(core_of(split_sentences(facts.relevance).front().text), 24)));
  }
  if (!facts.first_steps.empty())
    out += fmt::format(" The first step: {}.", quoted(shorten(facts.first_steps.front(), 24)));
  return out;
}

}  // namespace

Dialogue read_dialogue(const Script& script, const Request& request) { return DialogueReader(script, request).take(); }

Next next_question(const Dialogue& dialogue, bool resuming) {
  if (dialogue.complete) return {Ask::nothing, nullptr, kCompletion};
  const auto* last = dialogue.last();
  if (resuming) {
    if (dialogue.confirming) return {Ask::confirm, nullptr, kValidation};
    const bool open = dialogue.pending != nullptr && !contains(dialogue.answered, dialogue.pending);
    if (open && can_ask_another(dialogue, dialogue.pending))
      return {Ask::another, dialogue.pending, dialogue.pending->phase};
    return walk(dialogue);
  }
  if (last == nullptr) return walk(dialogue);
  if (last->after_confirm) return after_no(dialogue);
  const auto* question = last->question;
  const bool open = question != nullptr && !contains(dialogue.answered, question);
  if (open && last->kind == Kind::brief && dialogue.probes < dialogue.script.probes.size()) {
    return {Ask::probe, question, std::max(dialogue.floor, question->phase)};
  }
  if (open && can_ask_another(dialogue, question))
    return {Ask::another, question, std::max(dialogue.floor, question->phase)};
  return walk(dialogue);
}

std::string question_text(const Dialogue& dialogue, const Next& next) {
  switch (next.ask) {
    case Ask::question: return filled(dialogue, next.question->ask);
    case Ask::another: return filled(dialogue, next.question->another);
    case Ask::probe: return std::string(dialogue.script.probes[dialogue.probes]);
    case Ask::confirm:
      if (dialogue.confirms < dialogue.script.confirm.size())
        return filled(dialogue, dialogue.script.confirm[dialogue.confirms]);
      return fmt::format("Version {}: {} {}", dialogue.confirms + 1,
                         filled(dialogue, dialogue.script.seeks == "values" ? "{list}." : "{statement}"), kVersion);
    case Ask::what_changes: return std::string(kWhatChanges[dialogue.what_changes]);
    case Ask::nothing: break;
  }
  return "";
}

std::string filled(const Dialogue& dialogue, std::string_view text) {
  std::string out(text);
  if (out.find('{') == std::string::npos) return out;
  const auto chosen = dialogue.values.chosen();
  const auto name = [&](std::size_t i) { return i < chosen.size() ? chosen[i]->name : std::string(); };
  const auto& steps = dialogue.facts.first_steps;
  replace_all(out, "{list}", value_list(dialogue));
  replace_all(out, "{a}", name(0));
  replace_all(out, "{b}", name(1));
  replace_all(out, "{means}", capitalised(dialogue.values.means));
  replace_all(out, "{horizon}", dialogue.facts.horizon);
  replace_all(out, "{goal}", goal_of(dialogue));
  replace_all(out, "{step}",
              steps.empty() ? "" : fmt::format("It begins with this: {}.", quoted(shorten(steps.front(), 24))));
  replace_all(out, "{statement}", with_period(statement_of(dialogue)));
  return out;
}

}  // namespace llm::offline
