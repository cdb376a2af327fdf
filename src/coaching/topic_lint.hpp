#pragma once
// Proves that a topic can be used before anybody meets it.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "coaching/topic.hpp"

namespace coaching {

enum class Severity { warning, error };
BOOST_DESCRIBE_ENUM(Severity, warning, error)

struct LintFinding {
  std::string file;  // "goals/system.md"
  std::optional<std::size_t> line;
  Severity severity = Severity::error;
  std::string message;
};

// Every fault at once; empty when there is none. Checks: variables are declared, with a source, and used; the system
// prompt holds nothing that changes from turn to turn; both schemas are schemas, and the result's is inside the subset
// that strict structured output accepts; a request variable is in the request schema; a sample renders, with all values
// and with none of the optional ones; the offline script covers every phase and asks nothing twice; sizes are bounded.
std::vector<LintFinding> lint(const Topic& topic);

// Reads a folder of topics (its _shared too, else the binary's) and lints each; a topic that cannot be read is a finding.
std::vector<LintFinding> lint_folder(const std::string& directory);

// What read_topic() throws, "goals/topic.yaml:3: what", as a finding.
LintFinding finding_of(const base::Error& error);

// The faults of a schema as strict structured output sees it: `where` names the file.
std::vector<LintFinding> lint_strict_schema(const boost::json::value& schema, const std::string& where);

}  // namespace coaching
