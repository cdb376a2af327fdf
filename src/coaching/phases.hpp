#pragma once
// Where a conversation stands, and when it may move on. An assessment proposes, these rules decide; they decide alone
// when the assessment is off, late or invalid.
#include <optional>
#include <string>
#include <vector>

#include "coaching/conversation.hpp"
#include "coaching/topic.hpp"

namespace coaching {

// What a model found in the conversation so far.
struct Assessment {
  Phase phase = Phase::introduction;
  std::vector<base::PrivateText> insights;
  std::vector<base::PrivateText> identified_values;
  std::optional<base::PrivateText> follow_up_question;
  bool is_complete = false;
  std::optional<base::PrivateText> next_steps;
};
BOOST_DESCRIBE_STRUCT(Assessment, (), (phase, insights, identified_values, follow_up_question, is_complete, next_steps))

// The phase after this turn: one step at most, never back; not before the topic's min_turns of the phase, and by
// max_turns at the latest. Completion needs an assessment that says so: rules alone never end a conversation.
Phase next_phase(const Topic& topic, const Conversation& before, const Assessment* assessment);

// The last question of a reply, "" when it asks none.
std::string last_question(std::string_view reply);

}  // namespace coaching
