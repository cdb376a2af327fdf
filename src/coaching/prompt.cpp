#include "coaching/prompt.hpp"

#include <fmt/format.h>

namespace coaching {
namespace {

// Per-message framing that every chat protocol adds.
constexpr std::int64_t kFramingTokens = 4;

std::int64_t tokens_of(const Message& message) {
  return llm::estimate_tokens(message.content.reveal()) + kFramingTokens;
}

base::json::value conversation_value(const Conversation& conversation, std::string_view name) {
  if (name == "language") return base::json::value(conversation.language);
  if (name == "current_phase") return base::json::value(base::name_of(conversation.phase));
  return nullptr;
}

base::json::value value_of(const Parameter& parameter, const Topic& topic, const Conversation& conversation) {
  if (parameter.source == "request") {
    const auto* given = conversation.context.if_contains(parameter.name);
    return given != nullptr ? *given : base::json::value();
  }
  if (parameter.source == "conversation") return conversation_value(conversation, parameter.name);
  if (parameter.source == "computed") return computed_value(topic, parameter.name);
  if (parameter.source == "user" && parameter.name == "user_name" && !conversation.user_name.empty()) {
    return base::json::value(conversation.user_name.reveal());
  }
  return nullptr;  // no source for it here: a section over it is skipped
}

}  // namespace

base::json::value template_values(const Topic& topic, const Conversation& conversation) {
  base::json::object values;
  for (const auto& parameter : topic.parameters) {
    auto value = value_of(parameter, topic, conversation);
    values.insert_or_assign(parameter.name, value.is_null() ? parameter.default_value : std::move(value));
  }
  return values;
}

std::vector<llm::Message> transcript(const Snapshot& snapshot) {
  std::vector<llm::Message> messages;
  messages.reserve(snapshot.recent.size());
  for (const auto& message : snapshot.recent) {
    if (message->sequence < snapshot.conversation.window_start) continue;
    messages.push_back({message->role == Speaker::user ? llm::Role::user : llm::Role::assistant, message->content});
  }
  return messages;
}

std::int64_t window_start(const std::vector<std::shared_ptr<const Message>>& messages, std::int64_t present_start,
                          std::int64_t budget_tokens) {
  std::int64_t total = 0;
  for (const auto& message : messages) {
    if (message->sequence >= present_start) total += tokens_of(*message);
  }
  if (budget_tokens <= 0 || total <= budget_tokens) return present_start;
  auto start = present_start;
  for (const auto& message : messages) {
    if (message->sequence < present_start) continue;
    // The newest message always stays, and a window never begins with the reply to a message that was cut off.
    const bool reply = message->role == Speaker::assistant;
    if (total <= budget_tokens / 2 && !reply) break;
    if (message == messages.back()) break;
    total -= tokens_of(*message);
    start = message->sequence + 1;
  }
  return start;
}

std::string phase_guidance(const Topic& topic, const Conversation& conversation) {
  const auto* phase = topic.phase(base::name_of(conversation.phase));
  if (phase == nullptr) return "";
  std::string guidance = fmt::format("Present phase: {}. Its goal: {}", phase->name, phase->goal);
  if (!phase->exit_criteria.empty()) {
    guidance += "\nMove on only when:";
    for (const auto& criterion : phase->exit_criteria) guidance += fmt::format("\n- {}", criterion);
  }
  if (!conversation.identified_values.empty()) {
    guidance += "\nNamed so far:";
    for (const auto& value : conversation.identified_values) guidance += fmt::format("\n- {}", value.reveal());
  }
  return guidance;
}

}  // namespace coaching
