#pragma once
// The bytes of Anthropic's Messages API (https://docs.anthropic.com/en/api/messages) and of its stream
// (https://docs.anthropic.com/en/docs/build-with-claude/streaming). No I/O in here.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "llm/catalogue.hpp"
#include "llm/draft.hpp"
#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"
#include "net/sse_decoder.hpp"

namespace llm {

// What differs from model to model.
struct AnthropicDialect {
  std::string model;
  StructuredOutput structured = StructuredOutput::schema;
  bool prompt_cache = false;
  bool says_temperature = true;
  std::string effort;  // "" lets the model decide
  AnswerRoom room;
};

struct AnthropicBody {
  std::string text;
  bool forces_tool = false;  // the answer is what the tool is called with
};

// A schema that is too complex for structured output becomes the input of a tool.
AnthropicBody anthropic_request_body(const AnthropicDialect& dialect, const Request& request, bool streamed);

// What Anthropic counts apart (input without cache, put into it, read from it) becomes one sum; what a later event does
// not name keeps its value.
struct AnthropicUsage {
  std::int64_t input = 0;
  std::int64_t cache_creation = 0;
  std::int64_t cache_read = 0;
  std::int64_t output = 0;
};
void read_usage(const boost::json::object& from, AnthropicUsage& usage);
Usage to_usage(const AnthropicUsage& usage);

// Puts an answer together, from one JSON body or from a stream's events. `server` is named in errors; it and `sink`
// outlive this.
class AnthropicAnswer final : public Answer {
 public:
  AnthropicAnswer(std::string_view server, const Sink& sink, bool forced_tool)
      : server_(server), draft_(server, sink, forced_tool) {}

  void take_body(std::string_view body) override;
  void take_piece(std::string_view bytes) override;
  bool has_begun() const override { return draft_.has_begun(); }
  bool has_finish() const override { return draft_.has_finish(); }
  bool is_done() const override { return is_done_; }  // "message_stop"
  Reply reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) &&;

 private:
  void take_event(std::string_view data);
  void begin_message(const boost::json::object& message);
  void begin_block(const boost::json::object& block, std::int64_t index);
  void take_delta(const boost::json::object& delta, std::int64_t index);
  void take_usage(const boost::json::object& holder);
  void finish(std::string_view stop_reason);

  std::string_view server_;
  net::SseDecoder decoder_;
  Draft draft_;
  AnthropicUsage usage_;
  std::optional<std::int64_t> tool_;  // the index of the block with the tool's input; there is one answer
  bool is_done_ = false;
};

}  // namespace llm
