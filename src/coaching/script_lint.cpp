#include "coaching/script_lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/json.hpp"
#include "llm/offline_script.hpp"

namespace coaching {
namespace {

namespace json = boost::json;
using llm::offline::kPhases;
using llm::offline::Question;
using llm::offline::Script;

constexpr std::array<std::string_view, 8> kPlaceholders{"list",      "a",       "b",    "means",
                                                        "statement", "horizon", "goal", "step"};

class ScriptChecker {
 public:
  ScriptChecker(const std::string& where, std::vector<LintFinding>& out) : where_(where), out_(out) {}

  void check(const Script& script) {
    for (std::size_t phase = 0; phase < llm::offline::kCompletion; ++phase) check_phase(script, phase);
    for (const auto& question : script.questions) check_question(script, question);
    for (const auto text : script.confirm) check_text(text, true);
    for (const auto text : script.probes) check_text(text, true);
    check_text(script.opening, false);
    check_text(script.closing, false);
    if (script.probes.size() < 2)
      fault(Severity::warning, "two or more probes keep short answers from ending in silence");
    if (script.confirm.size() < 2)
      fault(Severity::warning, "two or more ways to ask for confirmation are needed after a change");
  }

 private:
  void fault(Severity severity, std::string message) {
    out_.push_back({where_, std::nullopt, severity, std::move(message)});
  }

  // A phase must have a question that is asked whatever is known already, or it would be left out.
  void check_phase(const Script& script, std::size_t phase) {
    const auto sure = [&](const Question& q) { return q.phase == phase && q.unless.empty() && q.needs.empty(); };
    const auto some = [&](const Question& q) { return q.phase == phase && q.unless.empty(); };
    const auto count = static_cast<std::size_t>(std::count_if(script.questions.begin(), script.questions.end(),
                                                              [&](const Question& q) { return q.phase == phase; }));
    if (count == 0) return fault(Severity::error, fmt::format("the phase '{}' has no question", kPhases[phase]));
    if (std::none_of(script.questions.begin(), script.questions.end(), some)) {
      fault(Severity::error,
            fmt::format("every question of the phase '{}' has 'unless': the phase may be left out", kPhases[phase]));
    } else if (std::none_of(script.questions.begin(), script.questions.end(), sure)) {
      fault(Severity::warning,
            fmt::format("every question of the phase '{}' needs something to be known", kPhases[phase]));
    }
    const auto enough = script.phases[phase].enough;
    if (enough == 0)
      fault(Severity::error, fmt::format("'enough' of the phase '{}' must be 1 or more", kPhases[phase]));
    if (enough > count) {
      fault(Severity::warning,
            fmt::format("the phase '{}' has {} questions, fewer than its 'enough'", kPhases[phase], count));
    }
  }

  void check_question(const Script& script, const Question& question) {
    if (const auto [_, added] = ids_.emplace(question.id, 1); !added) {
      fault(Severity::error, fmt::format("the question '{}' is there twice", question.id));
    }
    check_text(question.ask, true);
    if (!question.another.empty()) check_text(question.another, true);
    for (const auto known : question.unless) {
      constexpr std::array<std::string_view, 9> kFacts{"horizon",   "target",     "due",       "measure", "relevance",
                                                       "obstacles", "first_step", "statement", "named"};
      if (script.question(known) == nullptr && std::find(kFacts.begin(), kFacts.end(), known) == kFacts.end()) {
        fault(Severity::error,
              fmt::format("'unless' of '{}' names '{}', which is neither a question nor a fact", question.id, known));
      }
    }
  }

  void check_text(std::string_view text, bool asks) {
    if (asks && !text.ends_with('?')) {
      fault(Severity::error, fmt::format("does not end with a question mark: \"{}\"", text.substr(0, 60)));
    }
    if (const auto [_, added] = texts_.emplace(text, 1); asks && !added) {
      fault(Severity::error, fmt::format("would be asked twice: \"{}\"", text.substr(0, 60)));
    }
    for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
      const auto name = text.substr(open + 1, text.find('}', open) - open - 1);
      if (std::find(kPlaceholders.begin(), kPlaceholders.end(), name) == kPlaceholders.end()) {
        fault(Severity::error, fmt::format("'{{{}}}' is not one of {{{}}}", name, fmt::join(kPlaceholders, "}, {")));
      }
    }
  }

  const std::string& where_;
  std::vector<LintFinding>& out_;
  std::map<std::string_view, int> ids_;
  std::map<std::string_view, int> texts_;
};

}  // namespace

std::vector<LintFinding> lint_script(const json::value& script, const std::string& where) {
  std::vector<LintFinding> findings;
  try {
    ScriptChecker(where, findings).check(llm::offline::read_script(&script));
  } catch (const base::Error& error) {
    findings.push_back({where, std::nullopt, Severity::error, error.message});
  }
  return findings;
}

}  // namespace coaching
