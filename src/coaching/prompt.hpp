#pragma once
// What the model is asked. The beginning (system text, then the window from its first message) is the same bytes from
// turn to turn, so that providers can cache it; what changes each turn comes last. What users wrote is a value or a
// message, never a template.
#include <memory>
#include <string>
#include <vector>

#include "coaching/options.hpp"
#include "coaching/records.hpp"
#include "coaching/topic.hpp"
#include "llm/provider.hpp"

namespace coaching {

// A value for every parameter the topic declares: from the start request's context, the conversation, what was gathered
// for it (nullptr for nothing), or null.
base::json::value template_values(const Topic& topic, const Conversation& conversation, const BusinessContext* context);

// Of one message; by o200k_base whatever the model, because one budget is set for all of them.
std::int64_t count_message(std::string_view content);

// The summary as it is sent: says what it is, so that nobody takes it for instructions. "" without one.
base::PrivateText summary_text(const Summary* summary);

// A request that exceeds options.request_tokens is logged (prompt_over_budget) and counted; it is sent all the same.
void watch_budget(const Coaching& coaching, const llm::Request& request, const Snapshot& snapshot);

// The messages from the window's start on, as the model's.
std::vector<llm::Message> transcript(const Snapshot& snapshot);

// Of the messages from number `start` on.
std::int64_t window_tokens(const std::vector<std::shared_ptr<const Message>>& messages, std::int64_t start);

// Where the window should begin once `messages` (a tail without gaps) are there: unchanged while they fit into the
// budget, else moved so far that half of it is free again. Moving rarely and far keeps the prompt's beginning stable.
std::int64_t window_start(const std::vector<std::shared_ptr<const Message>>& messages, std::int64_t present_start,
                          std::int64_t budget_tokens);

// The phase's goal and exit criteria, for this turn.
std::string phase_guidance(const Topic& topic, const Conversation& conversation);

}  // namespace coaching
