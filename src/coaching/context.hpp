#pragma once
// What a topic's prompts need from elsewhere than the request: read from its source once a section, all at once, and only
// what a template uses. What cannot be read is left out, and said.
#include <memory>

#include "coaching/options.hpp"
#include "coaching/topic.hpp"

namespace coaching {

using ContextPtr = std::shared_ptr<const BusinessContext>;

struct ContextRequest {
  Owner owner;
  base::PrivateText token;  // the caller's, for the Business API
  base::PrivateText user_name;  // as the token says; with it nobody asks for a profile because of a name
  base::json::object input;  // what the client gave: its goal_id names the one goal
  telemetry::Trace trace;
};

// nullptr when the topic uses nothing of it, or nothing is on record. What cannot be read is taken from `before`, where
// that has it. A source that fails is no error here; see need_business().
base::Task<ContextPtr> gather(const Coaching& coaching, std::shared_ptr<const Topic> topic, ContextRequest request,
                              ContextPtr before = nullptr);

// The value of a parameter of source `business.…` or `user`; null when there is none.
base::json::value context_value(const Parameter& parameter, const BusinessContext* context);

// Throws for a required parameter without a value: Error{dependency_unavailable} when its source cannot be read,
// Error{validation_error} when nothing is on record there.
void need_business(const Topic& topic, const BusinessContext* context);

// For `metadata.business_context` of an answer: {"sections": [...], "unavailable": [...], "stale": [...]}.
base::json::object shown_context(const BusinessContext& context);

}  // namespace coaching
