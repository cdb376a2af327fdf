#include <fmt/format.h>

#include "cli/chat.hpp"

namespace cli {
namespace {

constexpr std::string_view kCoach = "Coach: ";
constexpr std::string_view kYou = "You:   ";

std::string heading(const Style& style, std::string_view speaker) {
  return speaker == kCoach ? style.coach(speaker) : style.person(speaker);
}

}  // namespace

ReplyPrinter::ReplyPrinter(const Style& style, std::string_view speaker)
    : heading_(heading(style, speaker)), words_(style.width, kIndent) {}

void ReplyPrinter::add(std::string_view piece) {
  print((begun_ ? "" : heading_) + words_.feed(piece));
  begun_ = true;
}

void ReplyPrinter::finish() {
  if (begun_) print(words_.finish() + "\n\n");
}

void print_reply(const Style& style, std::string_view text) {
  ReplyPrinter reply(style, kCoach);
  reply.add(text);
  reply.finish();
}

void print_message(const Style& style, std::string_view text) {
  ReplyPrinter message(style, kYou);
  message.add(text);
  message.finish();
}

void print_phase(const Style& style, std::string_view phase, double progress, std::string& shown) {
  if (shown == phase || phase.empty()) return;
  shown = phase;
  print(style.faint(fmt::format("       {} · {:.0f} %", phase, progress * 100)) + "\n\n");
}

void print_result(const Style& style, const ConversationView& conversation) {
  if (conversation.status == "completed" && !conversation.result.is_null()) {
    print(style.bold(fmt::format("{}: the result", label(conversation.topic))) + "\n\n");
    print(outline(conversation.result, style.width) + "\n");
  } else if (conversation.status == "completing") {
    print(style.warning("The result is still being worked out.") + " It will be in this conversation:\n  " +
          conversation.conversation_id + "\n");
  } else if (conversation.status == "needs_review") {
    print(style.warning("No valid result could be had from this conversation; it is marked for review.") + "\n");
  } else {
    print(style.warning(fmt::format("The conversation is {}, without a result.", conversation.status)) + "\n");
  }
}

}  // namespace cli
