#pragma once
// The result of a conversation, made of the coachee's own words and of nothing else.
#include <boost/json/value.hpp>

#include "llm/offline_dialogue.hpp"

namespace llm::offline {

// For the four topics by what the script seeks; for others by the schema: a text field takes the answer to the question
// that `expects` it. What was not said is null or an empty list, so a conversation that said nothing gives a result that
// its schema refuses, rather than an invented one.
boost::json::value result_of(const Dialogue& dialogue, const boost::json::value* schema);

}  // namespace llm::offline
