#pragma once
// The bytes of OpenAI's Chat Completions (https://platform.openai.com/docs/api-reference/chat), as OpenAI, Azure and the
// servers compatible with them write them. No I/O in here.
#include <string>
#include <string_view>

#include "llm/draft.hpp"
#include "llm/openai_body.hpp"
#include "llm/vendor_call.hpp"
#include "net/sse_decoder.hpp"

namespace llm {

std::string chat_request_body(const OpenAiDialect& dialect, const Request& request, bool streamed);

// Puts an answer together, from one JSON body or from the data of a stream's events. `server` is named in errors.
class ChatAnswer final : public Answer {
 public:
  ChatAnswer(std::string_view server, const Sink& sink, bool forced_tool)
      : server_(server), draft_(server, sink, forced_tool) {}

  void take_body(std::string_view body) override;
  void take_piece(std::string_view bytes) override;
  bool has_begun() const override { return draft_.has_begun(); }
  bool has_finish() const override { return has_finish_; }
  bool is_done() const override { return is_done_; }  // "[DONE]"
  Reply reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) && {
    return std::move(draft_).reply(estimated_prompt_tokens, default_model);
  }

 private:
  void take_event(std::string_view data);  // one "data:" of a stream
  void take_value(const boost::json::value& value, const char* message_name);
  void take_choice(const boost::json::object& choice, const char* message_name);
  void take_message(const boost::json::object& message);
  void take_call(const boost::json::value& call);

  std::string_view server_;
  Draft draft_;
  net::SseDecoder decoder_;
  bool has_choices_ = false;
  bool has_finish_ = false;
  bool is_done_ = false;
};

}  // namespace llm
