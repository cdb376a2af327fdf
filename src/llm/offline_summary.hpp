#pragma once
// The offline coach's summary: the coachee's own sentences, those that carry something, each with the question that it
// answers. It invents nothing and says that it was made by rules. The offline coach reads its own summary again as the
// messages that it stands for, so it still knows what was asked and told before the window began.
#include <string>
#include <string_view>
#include <vector>

#include "llm/offline_dialogue.hpp"

namespace llm::offline {

// Of everything in `dialogue`, which begins with what request.summary already held. Half of request.max_tokens at most:
// what came first and tells least is left out.
std::string summary_of(const Dialogue& dialogue, const Request& request);

// One line of such a summary. Views point into the text it was read from.
struct Note {
  std::string_view question;  // the script's id; "confirm" for the last question of all; "" for none
  std::string_view text;  // "" when it was asked last, and its answer comes after the summary
};
// Of a summary as it is sent; none when it was made by somebody else.
std::vector<Note> read_notes(std::string_view summary);

}  // namespace llm::offline
