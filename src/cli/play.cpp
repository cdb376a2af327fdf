#include <fmt/format.h>

#include "cli/chat.hpp"
#include "cli/commands.hpp"

namespace cli {
namespace {

// Ends the line of a reply that broke off, so that the reason stands on one of its own.
TurnAnswer say_aloud(Conversations& api, std::string_view id, std::string_view text, const Style& style) {
  print_message(style, text);
  ReplyPrinter reply(style, "Coach: ");
  try {
    auto answer = api.say(id, text, [&](std::string_view piece) { reply.add(piece); });
    reply.finish();
    return answer;
  } catch (...) {
    reply.finish();
    throw;
  }
}

base::json::object as_object(const ConversationView& conversation) {
  return {{"conversation_id", conversation.conversation_id},
          {"topic", conversation.topic},
          {"status", conversation.status},
          {"current_phase", conversation.current_phase},
          {"progress", conversation.progress},
          {"messages", base::to_json(conversation.messages)},
          {"insights", base::to_json(conversation.insights)},
          {"identified_values", base::to_json(conversation.identified_values)},
          {"result", conversation.result}};
}

ConversationView begin_quietly(Conversations& api, const ChatPlan& plan) {
  if (plan.resume) {
    if (auto found = api.open_one(plan.topic)) return *found;
    throw base::Error(base::Code::conversation_not_found, "there is no open conversation to go on with");
  }
  return api.initiate(plan.topic);
}

}  // namespace

int play(Conversations& api, const ChatPlan& given, const Transcript& script, const Style& style, bool as_json) {
  auto plan = given;
  plan.fresh = !plan.resume;
  if (plan.topic.empty() && !plan.resume) plan.topic = script.topic.empty() ? "core_values" : script.topic;
  const auto conversation = as_json ? begin_quietly(api, plan) : open_conversation(api, plan, style);
  std::string shown_phase = conversation.current_phase;
  for (const auto& message : script.messages) {
    if (as_json) {
      api.say(conversation.conversation_id, message, [](std::string_view) {});
      continue;
    }
    const auto answer = say_aloud(api, conversation.conversation_id, message, style);
    print_phase(style, answer.current_phase, answer.progress, shown_phase);
  }
  const auto done = api.complete(conversation.conversation_id);
  if (as_json) {
    print(base::write_json(as_object(done)) + "\n");
  } else {
    print_result(style, done);
  }
  return done.status == "completed" ? kOk : kNotCompleted;
}

}  // namespace cli
