#include "cli/chat.hpp"

#include <fmt/format.h>

#include <array>

#include "cli/commands.hpp"

namespace cli {
namespace {

constexpr std::string_view kDefaultTopic = "core_values";
constexpr std::string_view kHelp =
    "/status    phase, progress and what came up so far\n"
    "/complete  end here and get the result\n"
    "/pause     stop for now; the coach welcomes you back\n"
    "/quit      leave; everything said is kept (also Ctrl-C, Ctrl-D)\n"
    "/help      this list\n";
constexpr std::array<std::string_view, 5> kWords{"/status", "/complete", "/pause", "/quit", "/help"};

void print_list(const Style& style, std::string_view heading, const std::vector<std::string>& entries) {
  if (entries.empty()) return;
  print(style.bold(heading) + "\n");
  for (const auto& entry : entries) print("  - " + wrap(entry, style.width - 4, 4) + "\n");
}

void print_status(const Style& style, const ConversationView& conversation) {
  print(fmt::format("{} · {} · {:.0f} %\n", label(conversation.topic), conversation.current_phase,
                    conversation.progress * 100));
  print_list(style, "Values so far", conversation.identified_values);
  print_list(style, "Insights", conversation.insights);
  print("\n");
}

std::string last_reply(const ConversationView& conversation) {
  for (auto message = conversation.messages.rbegin(); message != conversation.messages.rend(); ++message) {
    if (message->role == "assistant") return message->content;
  }
  return "";
}

ConversationView go_on(Conversations& api, const ConversationView& found, const Style& style) {
  auto conversation = api.get(found.conversation_id);
  print(style.faint(fmt::format("Going on with {} ({:.0f} %). --new begins anew.", label(conversation.topic),
                                conversation.progress * 100)) +
        "\n\n");
  print_reply(style, conversation.status == "paused" ? api.resume(found.conversation_id).ai_response
                                                     : last_reply(conversation));
  return conversation;
}

// What one line of the person led to: nullopt to go on, else the exit code.
class Chat {
 public:
  Chat(Conversations& api, const Style& style, ConversationView conversation, LineReader& lines)
      : api_(api), style_(style), conversation_(std::move(conversation)) {
    for (const auto& message : conversation_.messages) {
      if (message.role == "user") lines.remember(message.content);
    }
    shown_phase_ = conversation_.current_phase;
  }

  std::optional<int> take(std::string_view line) {
    if (line.empty()) return std::nullopt;
    try {
      return line.starts_with('/') ? obey(line) : say(line);
    } catch (const Unreachable&) {
      throw;
    } catch (const base::Error& refused) {
      // A model that is down or a message that is too long ends nothing: the person may try again.
      print(style_.warning(refused.message) + "\n\n");
      return std::nullopt;
    }
  }

 private:
  std::optional<int> say(std::string_view text) {
    ReplyPrinter reply(style_, "Coach: ");
    const auto answer = [&] {
      try {
        return api_.say(conversation_.conversation_id, text, [&](std::string_view piece) { reply.add(piece); });
      } catch (...) {
        reply.finish();
        throw;
      }
    }();
    reply.finish();
    print_phase(style_, answer.current_phase, answer.progress, shown_phase_);
    if (answer.is_complete && !told_complete_) {
      told_complete_ = true;
      print(style_.faint("       This looks complete: /complete gives you the result.") + "\n\n");
    }
    return std::nullopt;
  }

  std::optional<int> obey(std::string_view word) {
    if (word == "/quit") return leave();
    if (word == "/pause") {
      api_.pause(conversation_.conversation_id);
      print("Paused. `purposepath chat` goes on where you stopped.\n");
      return kOk;
    }
    if (word == "/complete") {
      print(style_.faint("Putting the result together …") + "\n\n");
      const auto done = api_.complete(conversation_.conversation_id);
      print_result(style_, done);
      return done.status == "completed" ? kOk : kNotCompleted;
    }
    if (word == "/status") {
      print_status(style_, api_.get(conversation_.conversation_id));
    } else if (word == "/help") {
      print(std::string(kHelp) + "\n");
    } else {
      const auto near = base::nearest(word, kWords);
      print(style_.warning(
                fmt::format("There is no {}{}", word,
                            near.empty() ? "; /help lists what there is." : fmt::format("; did you mean {}?", near))) +
            "\n\n");
    }
    return std::nullopt;
  }

  static int leave() {
    print("Everything is kept. `purposepath chat` goes on where you stopped.\n");
    return kOk;
  }

  Conversations& api_;
  const Style& style_;
  ConversationView conversation_;
  std::string shown_phase_;
  bool told_complete_ = false;
};

}  // namespace

ConversationView open_conversation(Conversations& api, const ChatPlan& plan, const Style& style) {
  if (!plan.fresh) {
    const auto topic = plan.topic.empty() && !plan.resume ? kDefaultTopic : std::string_view(plan.topic);
    if (const auto found = api.open_one(topic)) return go_on(api, *found, style);
    if (plan.resume) {
      throw base::Error(base::Code::conversation_not_found,
                        "there is no open conversation to go on with; leave --resume out to begin one");
    }
  }
  auto conversation = api.initiate(plan.topic.empty() ? kDefaultTopic : std::string_view(plan.topic));
  print_reply(style, conversation.initial_message);
  return conversation;
}

int chat(Conversations& api, const ChatPlan& plan, const Style& style, const InterruptFlag& interrupt) {
  if (style.interactive) print(style.faint("/help lists the commands, Ctrl-C leaves; everything is kept.") + "\n\n");
  LineReader lines(style, "You:   ");
  Chat session(api, style, open_conversation(api, plan, style), lines);
  const auto kept = [] {
    print("\nEverything is kept. `purposepath chat` goes on where you stopped.\n");
    return kOk;
  };
  while (true) {
    const auto line = lines.read();
    if (!line || interrupt.raised()) return kept();
    if (style.interactive) print("\n");
    try {
      if (const auto code = session.take(base::trim(*line))) return *code;
    } catch (const Interrupted&) {
      return kept();
    }
  }
}

}  // namespace cli
