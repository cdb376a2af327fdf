#pragma once
// The offline coach's analyses: a result computed from the input by the rules of the topic's offline.yaml, in the person's
// own words where it quotes, and honest about what was not found. No topic has code of its own.
#include <boost/json/value.hpp>

namespace llm::offline {

// `input`: the values of the topic's parameters by name, as its prompts get them. `schema`: of the result; lists that are
// too long are cut, numbers rounded where it wants whole ones. Same arguments, same answer; any thread. Takes 0.1
// to 0.2 ms for a page and about 1 ms for 10,000 characters; scripts that were read are kept per thread. Throws Error{llm_error} when the script is missing or broken, or when the
// answer would not fit the schema: both are faults that the topic's lint finds.
boost::json::value analysis_of(const boost::json::value* script, const boost::json::value* input,
                               const boost::json::value* schema);

}  // namespace llm::offline
