#pragma once
// The part of the lint that only analyses have: example, marks around data, and the offline script, which is run.
#include <vector>

#include "coaching/topic_lint.hpp"

namespace coaching {

// Checks that every field of the request reaches a prompt and stands between marks there; that example.json is a valid
// request; that offline.yaml is well-formed and reads what the topic has; and that its answers fit the result schema:
// for the example, for every value of the request's enums, for a request that says next to nothing and for one that
// shows every signal at once.
std::vector<LintFinding> lint_analysis(const Topic& topic);

}  // namespace coaching
