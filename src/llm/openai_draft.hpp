#pragma once
// What an answer by one of OpenAI's two APIs has given so far.
#include <cstdint>
#include <string>
#include <string_view>

#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"

namespace llm {

class OpenAiDraft {
 public:
  // `server` and `sink` outlive it. When a tool was forced, what it is called with is the answer's text, and what is said
  // besides is only taken when it was not called: some servers ignore that it was forced.
  OpenAiDraft(std::string_view server, const Sink& sink, bool forced_tool)
      : text_(server, sink), beside_(server, kNoSink), forced_tool_(forced_tool) {}

  void say(std::string_view text);
  void refuse(std::string_view text);
  void call(std::string_view arguments);  // of the forced tool; of others it does not count
  void think() { has_begun_ = true; }
  void name(std::string_view id, std::string_view model);  // the first ones count
  void set_usage(const Usage& usage) {
    usage_ = usage;
    has_usage_ = true;
  }
  void set_finish(FinishReason reason) { finish_ = reason; }

  bool has_begun() const { return has_begun_; }
  bool is_empty() const { return text_.text().empty() && beside_.text().empty(); }

  // With usage estimated where none came.
  Reply reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) &&;

 private:
  static const Sink kNoSink;

  AnswerText text_;
  AnswerText beside_;
  bool forced_tool_;
  std::string model_;
  std::string id_;
  Usage usage_;
  FinishReason finish_ = FinishReason::stop;
  bool has_begun_ = false;
  bool has_usage_ = false;
  bool refused_ = false;
};

}  // namespace llm
