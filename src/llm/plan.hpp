#pragma once
// From settings and catalogue to what a router runs: which models, reached how, and who answers what.
#include <string>
#include <vector>

#include "llm/catalogue.hpp"
#include "llm/providers.hpp"

namespace llm {

struct Plan {
  LlmOptions options;  // those of the short form moved to their vendor's section
  std::map<std::string, Model, std::less<>> models;  // by code; all can be asked, and so can their fallbacks
  Routes routes;  // to models of this plan only
  std::vector<std::string> warnings;  // for the log at start
};

// Adds what is wrong to `faults`; then the plan is of no use. `now` decides who is retired.
Plan make_plan(const LlmOptions& options, const Catalogue& catalogue, base::Time now, Faults& faults);

// What has to be set before a model can be asked ("llm.openai.api_key"); "" when nothing is missing. Looks at the
// environment for AWS.
std::string missing_setting(const Model& model, const LlmOptions& options);

// The places that lead to a model: "default", "default.premium", "assessment", "topics.vision.free". A route that is the
// same for all tiers is named without them.
std::vector<std::string> routes_to(const Routes& routes, std::string_view code);

}  // namespace llm
