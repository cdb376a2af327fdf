#pragma once
// The conversation as the offline coach understands it, made anew from its messages for every answer: which questions
// were asked, what was answered, where it stands, and which question comes next.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llm/offline_facts.hpp"
#include "llm/offline_message.hpp"
#include "llm/offline_script.hpp"
#include "llm/offline_values.hpp"
#include "llm/provider.hpp"

namespace llm::offline {

enum class Ask {
  question,      // the script's
  another,       // the same question in its other wording
  probe,         // tell me more
  confirm,       // is that it?
  what_changes,  // they did not confirm, and have not said what is wrong
  nothing,       // the conversation is complete
};

struct Next {
  Ask ask = Ask::nothing;
  const Question* question = nullptr;  // of question, another and probe
  std::size_t phase = 0;               // where the conversation stands when this is asked
};

struct Dialogue {
  const Script& script;
  std::vector<Turn> turns;  // the coachee's messages
  std::vector<const Question*> asked;
  std::vector<const Question*> asked_another;
  std::vector<const Question*> answered;
  const Question* pending = nullptr;  // the question last asked
  std::size_t floor = 0;              // the phase it stands in, never going back
  std::size_t probes = 0;
  std::size_t confirms = 0;
  std::size_t what_changes = 0;
  bool confirming = false;  // the last thing asked was to confirm, or what should change
  bool complete = false;    // they said yes to it
  Values values;
  Facts facts;

  const Turn* last() const { return turns.empty() ? nullptr : &turns.back(); }
};

// Views point into `request` and `script`, which must outlive the result.
Dialogue read_dialogue(const Script& script, const Request& request);

// What follows the coachee's last message; with `resuming`, what is asked after a break.
Next next_question(const Dialogue& dialogue, bool resuming = false);
// The text of it, with placeholders filled; "" for nothing.
std::string question_text(const Dialogue& dialogue, const Next& next);
// A text of the script with {list}, {a}, {b}, {means}, {statement}, {horizon}, {goal} and {step} filled.
std::string filled(const Dialogue& dialogue, std::string_view text);

}  // namespace llm::offline
