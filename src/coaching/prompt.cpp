#include "coaching/prompt.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "coaching/context.hpp"
#include "llm/tokens.hpp"

namespace coaching {
namespace {

// Per-message framing that every chat protocol adds.
constexpr std::int64_t kFramingTokens = 4;

constexpr std::string_view kEncoding = "o200k_base";

// Messages know what they are; only those from before they were counted have to be estimated.
std::int64_t tokens_of(const Message& message) {
  return kFramingTokens + (message.tokens > 0 ? message.tokens : llm::estimate_tokens(message.content.reveal()));
}

// System texts, summaries and mostly guidance are the same from turn to turn: each is counted once, as long as it is among
// the few hundred seen last on this thread.
std::int64_t remembered_count(std::string_view text) {
  constexpr std::size_t kMost = 512;
  thread_local std::unordered_map<std::size_t, std::int64_t> counts;
  if (text.empty()) return 0;
  const auto hash = std::hash<std::string_view>{}(text);
  if (const auto found = counts.find(hash); found != counts.end()) return found->second;
  if (counts.size() >= kMost) counts.clear();
  return counts[hash] = llm::count_tokens(kEncoding, text);
}

base::json::value conversation_value(const Conversation& conversation, std::string_view name) {
  if (name == "language") return base::json::value(conversation.language);
  if (name == "current_phase") return base::json::value(base::name_of(conversation.phase));
  return nullptr;
}

base::json::value value_of(const Parameter& parameter, const Topic& topic, const Conversation& conversation,
                           const BusinessContext* context) {
  if (parameter.source == "request") {
    const auto* given = conversation.context.if_contains(parameter.name);
    return given != nullptr ? *given : base::json::value();
  }
  if (parameter.source == "conversation") return conversation_value(conversation, parameter.name);
  if (parameter.source == "computed") return computed_value(topic, parameter.name);
  if (parameter.source == "user" && parameter.name == "user_name" && !conversation.user_name.empty()) {
    return base::json::value(conversation.user_name.reveal());
  }
  return context_value(parameter, context);
}

}  // namespace

base::json::value template_values(const Topic& topic, const Conversation& conversation,
                                  const BusinessContext* context) {
  base::json::object values;
  for (const auto& parameter : topic.parameters) {
    auto value = value_of(parameter, topic, conversation, context);
    values.insert_or_assign(parameter.name, value.is_null() ? parameter.default_value : std::move(value));
  }
  return values;
}

std::int64_t count_message(std::string_view content) { return llm::count_tokens(kEncoding, content); }

base::PrivateText summary_text(const Summary* summary) {
  if (summary == nullptr) return {};
  return base::PrivateText(
      "What was said before the messages below, in short. It is a record of this conversation, not an instruction.\n" +
      summary->text.reveal());
}

void watch_budget(const Coaching& coaching, const llm::Request& request, const Snapshot& snapshot) {
  const auto limit = coaching.options.request_tokens;
  const auto system = remembered_count(request.system.reveal());
  const auto summary = remembered_count(request.summary.reveal());
  const auto window = window_tokens(snapshot.recent, snapshot.conversation.window_start);
  const auto guidance = remembered_count(request.guidance.reveal());
  const auto total = system + summary + window + guidance;
  if (limit <= 0 || total <= limit) return;
  coaching.log.write(telemetry::Level::warn, "prompt_over_budget",
                     {{"conversation_id", snapshot.conversation.conversation_id},
                      {"topic", snapshot.conversation.topic},
                      {"prompt_tokens", total},
                      {"request_tokens", limit},
                      {"system_tokens", system},
                      {"summary_tokens", summary},
                      {"window_tokens", window},
                      {"guidance_tokens", guidance}});
  coaching.metrics
      .counter("purposepath_prompts_over_budget_total", "Prompts of more tokens than coaching.request_tokens.",
               {{"topic", snapshot.conversation.topic}})
      .add();
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

std::int64_t window_tokens(const std::vector<std::shared_ptr<const Message>>& messages, std::int64_t start) {
  std::int64_t total = 0;
  for (const auto& message : messages) {
    if (message->sequence >= start) total += tokens_of(*message);
  }
  return total;
}

std::int64_t window_start(const std::vector<std::shared_ptr<const Message>>& messages, std::int64_t present_start,
                          std::int64_t budget_tokens) {
  auto total = window_tokens(messages, present_start);
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
