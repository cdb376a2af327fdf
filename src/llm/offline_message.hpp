#pragma once
// What kind of message the coachee wrote, judged by the message alone.
#include <string_view>
#include <vector>

#include "llm/offline_text.hpp"

namespace llm::offline {

enum class Kind {
  answer,      // something to work with
  brief,       // a word or three
  greeting,    // hello and nothing else
  unsure,      // "I don't know"
  question,    // asks back; see Asked
  farewell,    // wants to stop here
  distress,    // speaks of harming themselves, or of violence
  command,     // tries to give the coach other instructions
  foreign,     // not English
  unreadable,  // no letters: emoji, signs
};

// What a question to the coach is about.
enum class Asked { meaning, opinion, identity, process, privacy, other };

Kind kind_of(std::string_view text, const std::vector<Sentence>& sentences);
Asked asked_about(const std::vector<Sentence>& sentences);

// "Yes", "exactly", "that is it", with nothing that takes it back.
bool is_clear_yes(const std::vector<Sentence>& sentences);
// Only says yes or no, and nothing about the matter: "Yes, that is it.", "No."
bool only_agrees(const Sentence& sentence);

}  // namespace llm::offline
