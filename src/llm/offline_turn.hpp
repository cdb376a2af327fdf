#pragma once
// One message of the coachee, and what it answers.
#include <string_view>
#include <vector>

#include "llm/offline_message.hpp"
#include "llm/offline_script.hpp"

namespace llm::offline {

struct Turn {
  std::string_view text;
  std::vector<Sentence> sentences;
  Kind kind = Kind::answer;
  const Question* question = nullptr;  // asked just before; nullptr when it was none of the script's
  bool after_confirm = false;          // asked just before: to confirm, or what should change
  bool confirms = false;               // and this is a clear yes
  bool probed = false;                 // the question was only probed for more

  bool expects(std::string_view what) const { return question != nullptr && question->expects == what; }
  // Whether there is something of the person in it to learn from.
  bool tells() const { return kind == Kind::answer || kind == Kind::brief; }
};

// The sentence that carries the message: feeling, decision and the person's own part in it. nullptr when none does.
const Sentence* salient_sentence(const Turn& turn);

}  // namespace llm::offline
