#pragma once
// The topic's offline.yaml as the offline coach reads it. docs/topics.md describes the entries. Views point into the JSON.
#include <array>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace llm::offline {

inline constexpr std::array<std::string_view, 6> kPhases{"introduction", "exploration", "deepening",
                                                         "synthesis",    "validation",  "completion"};
inline constexpr std::size_t kValidation = 4;
inline constexpr std::size_t kCompletion = 5;
std::size_t phase_index(std::string_view name);  // 0 for an unknown one

struct Question {
  std::string_view id;
  std::string_view ask;
  std::string_view another;  // the same from another side; "" for none
  std::string_view expects;  // names, statement, horizon, behaviours, red_flag, obstacles, …: what an answer holds
  std::string_view needs;  // asked only when this is so: none, one, two, many (values), means, or a fact's name
  std::string_view says;  // "heard": tells the values heard so far before asking
  bool always = false;  // asked before its phase is left, however many answers there are
  std::vector<std::string_view> unless;  // not asked when one of these facts is known or questions answered
  std::size_t phase = 0;
};

struct ScriptPhase {
  std::string_view bridge;  // said before the phase's first question
  std::size_t enough = 1;  // answers after which the coach moves on
};

struct Script {
  std::string_view
      seeks;  // values, purpose, vision, goals; anything else is filled by the names of the result's fields
  std::string_view opening;
  std::string_view closing;
  std::array<ScriptPhase, 6> phases;
  std::vector<Question> questions;  // in the order of the phases
  std::vector<std::string_view> confirm;
  std::vector<std::string_view> probes;

  const Question* question(std::string_view id) const;
};

// `script` must outlive the result. Throws Error{llm_error} when there is no script or a part of it is missing.
Script read_script(const boost::json::value* script);

// Whether `message` ends with this question, whatever stands for its {placeholders}.
bool ends_with_question(std::string_view message, std::string_view ask);

}  // namespace llm::offline
