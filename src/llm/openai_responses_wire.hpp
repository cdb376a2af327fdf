#pragma once
// The bytes of OpenAI's Responses API (https://platform.openai.com/docs/api-reference/responses and /responses-streaming),
// which Azure and some compatible servers have too. No I/O in here.
#include <string>
#include <string_view>

#include "llm/draft.hpp"
#include "llm/openai_body.hpp"
#include "llm/vendor_call.hpp"
#include "net/sse_decoder.hpp"

namespace llm {

// Says "store" always: this API keeps conversations unless it is told not to.
std::string responses_request_body(const OpenAiDialect& dialect, const Request& request, bool streamed);

// Puts an answer together, from one JSON body or from the events of a stream. A stream ends with an event that tells how
// the answer ended; events that are not known are passed over. `server` is named in errors.
class ResponsesAnswer final : public Answer {
 public:
  ResponsesAnswer(std::string_view server, const Sink& sink, bool forced_tool)
      : server_(server), draft_(server, sink, forced_tool) {}

  void take_body(std::string_view body) override;
  void take_piece(std::string_view bytes) override;
  bool has_begun() const override { return draft_.has_begun(); }
  bool has_finish() const override { return is_done_; }  // usage comes with the last event
  bool is_done() const override { return is_done_; }
  Reply reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) && {
    return std::move(draft_).reply(estimated_prompt_tokens, default_model);
  }

 private:
  void take_event(const net::SseEvent& event);
  void take_delta(std::string_view type, const boost::json::object& event);
  void take_response(const boost::json::value& response);  // one that has ended, however it did
  void take_output(const boost::json::object& response);
  void take_status(const boost::json::object& response);

  std::string_view server_;
  Draft draft_;
  net::SseDecoder decoder_;
  bool is_done_ = false;
};

}  // namespace llm
