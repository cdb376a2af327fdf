#pragma once
// The offline coach's messages, put together from a reflection and a question.
#include <string>

#include "llm/offline_dialogue.hpp"

namespace llm::offline {

std::string first_message(const Script& script);
std::string welcome_back(const Dialogue& dialogue);
std::string reply_text(const Dialogue& dialogue);
// The assessment as JSON text, by topics/_shared/assessment.schema.json.
std::string assessment_text(const Dialogue& dialogue);

}  // namespace llm::offline
