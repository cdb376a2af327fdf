#pragma once
// How the offline coach shows that it listened.
#include <string>

#include "llm/offline_dialogue.hpp"

namespace llm::offline {

// The coachee's last message given back in their words, with a value that shows in it or a word that returns. "" when
// there is nothing to give back.
std::string reflection(const Dialogue& dialogue);

// The sentence that carries a message, in the second person, without its closing mark; "" when none does.
std::string echo(const Turn& turn, std::size_t max_words);

// "generosity (“gave the bread away”) and honesty (“to your face”)": what showed in stories; "" when nothing did.
std::string heard(const Dialogue& dialogue, std::size_t most);

}  // namespace llm::offline
