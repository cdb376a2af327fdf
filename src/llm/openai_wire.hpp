#pragma once
// The bytes of OpenAI's Chat Completions (https://platform.openai.com/docs/api-reference/chat), as OpenAI and the
// servers compatible with it write them. No I/O in here.
#include <string>
#include <string_view>

#include "llm/openai.hpp"
#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"
#include "net/sse_decoder.hpp"

namespace llm {

// What differs from server to server, decided once from the options.
struct OpenAiDialect {
  std::string model;
  std::string token_parameter;  // "max_tokens" or "max_completion_tokens"
  bool says_store = false;      // sends "store"
  bool store = false;
  bool fixed_temperature_for_reasoning = false;  // leaves the temperature out for OpenAI's reasoning models
  bool says_temperature = true;
};

std::string openai_request_body(const OpenAiDialect& dialect, const Request& request, bool streamed);

// Puts an answer together, from one JSON body or from the data of a stream's events. `server` is named in errors.
class OpenAiAnswer final : public Answer {
 public:
  OpenAiAnswer(std::string_view server, const Sink& sink) : server_(server), text_(server, sink) {}

  void take_body(std::string_view body) override;
  void take_piece(std::string_view bytes) override;
  bool has_begun() const override { return has_begun_; }
  bool has_finish() const override { return has_finish_; }
  bool is_done() const override { return is_done_; }  // "[DONE]"
  // With usage estimated where none came.
  Reply reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) &&;

 private:
  void take_event(std::string_view data);  // one "data:" of a stream
  void take_value(const boost::json::value& value, const char* message_name);
  void take_choice(const boost::json::object& choice, const char* message_name);
  void take_text(std::string_view text);
  void take_usage(const boost::json::object& usage);

  std::string_view server_;
  net::SseDecoder decoder_;
  AnswerText text_;
  std::string model_;
  std::string id_;
  Usage usage_;
  FinishReason finish_ = FinishReason::stop;
  bool has_begun_ = false;
  bool has_choices_ = false;
  bool has_usage_ = false;
  bool has_finish_ = false;
  bool is_done_ = false;
  bool refused_ = false;
};

}  // namespace llm
