#pragma once
// The offline script's part of the lint.
#include <string>
#include <vector>

#include "coaching/topic_lint.hpp"

namespace coaching {

std::vector<LintFinding> lint_script(const boost::json::value& script, const std::string& where);

}  // namespace coaching
