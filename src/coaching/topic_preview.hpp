#pragma once
// For authors: what a topic's prompts look like with sample values, and what a model answers to them. Nothing is stored
// but the charge.
#include <string>
#include <vector>

#include "coaching/ledger.hpp"
#include "coaching/topic.hpp"
#include "llm/provider.hpp"

namespace coaching {

struct RenderedPrompt {
  std::string file;  // "system.md"
  std::string text;
  std::int64_t tokens = 0;  // by o200k_base
  std::vector<std::string> missing;  // variables that it uses and that have no value here
};
BOOST_DESCRIBE_STRUCT(RenderedPrompt, (), (file, text, tokens, missing))

// `samples` has values for any of the topic's parameters; the others have their default, or none.
std::vector<RenderedPrompt> render_topic(const Topic& topic, const base::json::object& samples);

enum class TrialPart { opening, reply, resume, result };
BOOST_DESCRIBE_ENUM(TrialPart, opening, reply, resume, result)

struct TrialRequest {
  TrialPart part = TrialPart::opening;  // an analysis has a result alone
  base::json::object samples;  // of an analysis: with the members of its request
  std::vector<llm::Message> messages;  // of a conversation so far
  telemetry::Trace trace;
};
struct Trial {
  std::string text;  // the answer; of a result as the model wrote it
  base::json::value value;  // a result that fits the schema, else null
  std::string fault;  // why there is none; "" otherwise
  std::string model;
  llm::Usage usage;
  double cost_usd = 0;
  base::Milliseconds latency{0};
};
// Throws what ask_model throws, and validation_error for a part that the topic does not have.
base::Task<Trial> try_topic(const Coaching& coaching, Account account, std::shared_ptr<const Topic> topic,
                            TrialRequest request);

}  // namespace coaching
