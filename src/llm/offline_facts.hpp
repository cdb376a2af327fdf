#pragma once
// What somebody said that a result is made of, besides values: a statement, a horizon, the parts of a goal. All in their
// own words.
#include <string>
#include <string_view>
#include <vector>

#include "llm/offline_script.hpp"
#include "llm/offline_turn.hpp"

namespace llm::offline {

struct Facts {
  std::string statement;  // the sentence of purpose or vision; the goal as they confirmed it
  std::string horizon;  // "ten years", "2035"
  std::string wish;  // the sentence that says what they want
  std::string baseline;  // "31 hours"
  std::string target;  // "under 8 hours"
  std::string due;  // "the end of June", "before July"
  std::string target_sentence;
  std::string measure;
  std::string relevance;
  std::vector<std::string> obstacles;
  std::vector<std::string> first_steps;
  std::size_t changed_by = std::string_view::npos;  // the last turn that changed something after it was to be confirmed

  bool known(std::string_view name) const;
};

Facts read_facts(const std::vector<Turn>& turns);

// "by the end of June" -> "the end of June", "before July" -> "before July"; "" when the sentence names no date.
std::string date_in(const Sentence& sentence);
// "in ten years", "ten years ahead", "by 2035" -> "ten years", "2035". With `any`, a bare "five years" too.
std::string horizon_in(const Sentence& sentence, bool any);

}  // namespace llm::offline
