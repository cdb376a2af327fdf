#pragma once
// A conversation in the terminal: typed by a person, or played from a transcript.
#include <string>
#include <string_view>

#include "cli/conversations.hpp"
#include "cli/outline.hpp"
#include "cli/terminal.hpp"
#include "cli/transcript.hpp"
#include "cli/wrap.hpp"

namespace cli {

struct ChatPlan {
  std::string topic;    // "": core_values, or with `resume` whatever was left open last
  bool resume = false;  // fail when there is nothing to go on with
  bool fresh = false;   // begin anew even when there is
};

// Prints a reply as it comes, wrapped and under a name.
class ReplyPrinter {
 public:
  ReplyPrinter(const Style& style, std::string_view speaker);
  void add(std::string_view piece);
  void finish();  // ends the line, if there is one

 private:
  static constexpr std::size_t kIndent = 7;  // as wide as "Coach: "
  std::string heading_;                      // until it is printed, with the first piece
  bool begun_ = false;
  WordWrap words_;
};

void print_reply(const Style& style, std::string_view text);  // a whole one, by the coach
void print_message(const Style& style, std::string_view text);  // what the person says, in a played conversation
// "exploration · 30 %", when it differs from what was printed before.
void print_phase(const Style& style, std::string_view phase, double progress, std::string& shown);
// The structured result, or why there is none.
void print_result(const Style& style, const ConversationView& conversation);

// Finds or begins the conversation and shows where it stands; returns it.
ConversationView open_conversation(Conversations& api, const ChatPlan& plan, const Style& style);

// Both return an ExitCode and throw base::Error, Unreachable and Interrupted.
int chat(Conversations& api, const ChatPlan& plan, const Style& style, const InterruptFlag& interrupt);
// `as_json` prints one object at the end instead of the conversation as it goes.
int play(Conversations& api, const ChatPlan& plan, const Transcript& script, const Style& style, bool as_json);

}  // namespace cli
