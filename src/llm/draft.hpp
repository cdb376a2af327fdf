#pragma once
// What a vendor's answer has given so far, and the Reply that it becomes.
#include <cstdint>
#include <string>
#include <string_view>

#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"

namespace llm {

class Draft {
 public:
  // `server` and `sink` outlive it. When a tool is forced, what it is called with is the answer's text, and what is said
  // besides is only taken when it was not called: by a model that refuses, for one.
  Draft(std::string_view server, const Sink& sink, bool forced_tool)
      : text_(server, sink), beside_(server, kNoSink), forced_tool_(forced_tool) {}

  void say(std::string_view text);
  void refuse(std::string_view text);  // the answer's text too, and why it ended
  void call(std::string_view arguments);  // JSON, whole or a part; counts when a tool is forced
  void think() { has_begun_ = true; }
  void name(std::string_view id, std::string_view model);  // the first ones count
  void set_usage(const Usage& usage);  // the last one counts
  void finish(FinishReason reason);  // the last one counts

  bool has_begun() const { return has_begun_; }
  bool has_finish() const { return has_finish_; }
  bool is_empty() const { return text_.text().empty() && beside_.text().empty(); }

  // With usage estimated where none came.
  Reply reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) &&;

 private:
  static const Sink kNoSink;

  AnswerText text_;
  AnswerText beside_;
  bool forced_tool_;
  std::string id_;
  std::string model_;
  Usage usage_;
  FinishReason finish_ = FinishReason::stop;
  bool has_begun_ = false;
  bool called_ = false;
  bool refused_ = false;
  bool has_usage_ = false;
  bool has_finish_ = false;
};

}  // namespace llm
