#include "coaching/phases.hpp"

namespace coaching {
namespace {

Phase step(Phase phase) { return phase == Phase::completion ? phase : static_cast<Phase>(static_cast<int>(phase) + 1); }

}  // namespace

Phase next_phase(const Topic& topic, const Conversation& before, const Assessment* assessment) {
  const auto* rule = topic.phase(base::name_of(before.phase));
  const auto turns = before.phase_turns + 1;
  const auto next = step(before.phase);
  const bool by_model = assessment != nullptr && (rule == nullptr || turns >= rule->min_turns);
  if (next == Phase::completion) {
    return by_model && (assessment->is_complete || assessment->phase == Phase::completion) ? next : before.phase;
  }
  if (by_model && assessment->phase > before.phase) return next;
  if (rule != nullptr && rule->max_turns > 0 && turns >= rule->max_turns) return next;
  return before.phase;
}

std::string last_question(std::string_view reply) {
  const auto end = reply.rfind('?');
  if (end == std::string_view::npos) return "";
  auto begin = reply.find_last_of(".!?\n", end == 0 ? 0 : end - 1);
  begin = begin == std::string_view::npos || begin >= end ? 0 : begin + 1;
  return std::string(base::trim(reply.substr(begin, end + 1 - begin)));
}

}  // namespace coaching
