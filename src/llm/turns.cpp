#include "llm/turns.hpp"

namespace llm {
namespace {

// What stands for a user who has not spoken: in front of a conversation that the coach began, and behind one whose last
// word was the coach's.
constexpr std::string_view kBegin = "(The conversation begins.)";
constexpr std::string_view kGoOn = "(Please go on.)";

Turn& turn_of(Role role, std::vector<Turn>& turns) {
  if (turns.empty() || turns.back().role != role) turns.push_back({.role = role});
  return turns.back();
}

}  // namespace

std::vector<Turn> alternating_turns(const Request& request, std::string_view guidance) {
  std::vector<Turn> turns;
  turns.reserve(request.messages.size() + 2);
  for (const auto& message : request.messages) {
    const std::string_view text = message.content.reveal();
    if (base::trim(text).empty()) continue;  // vendors refuse empty texts
    if (turns.empty() && message.role == Role::assistant) turn_of(Role::user, turns).texts.push_back(kBegin);
    auto& turn = turn_of(message.role, turns);
    turn.texts.push_back(text);
    ++turn.messages;
  }
  if (!base::trim(guidance).empty()) {
    turn_of(Role::user, turns).texts.push_back(guidance);
  } else if (turns.empty() || turns.back().role == Role::assistant) {
    const auto words = turns.empty() ? kBegin : kGoOn;
    turn_of(Role::user, turns).texts.push_back(words);
  }
  return turns;
}

}  // namespace llm
