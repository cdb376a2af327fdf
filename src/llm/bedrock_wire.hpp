#pragma once
// The bytes of Bedrock's Converse. No I/O in here.
#include <optional>
#include <string>
#include <string_view>

#include "aws/event_stream.hpp"
#include "llm/catalogue.hpp"
#include "llm/draft.hpp"
#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"

namespace llm {

// What differs from model to model, decided once.
struct BedrockDialect {
  std::string model;  // id or ARN
  StructuredOutput structured = StructuredOutput::schema;
  bool prompt_cache = false;
  bool says_temperature = true;
  std::string effort;  // "" for the model's own
  AnswerRoom room;
  std::string guardrail_id;
  std::string guardrail_version;
};

// "/model/…/converse": a ':' or '/' in the id is escaped.
std::string bedrock_path(std::string_view model, std::string_view operation);

struct BedrockBody {
  std::string text;
  bool forces_tool = false;  // the answer is what the tool is called with
};

// A schema that is too complex for structured output becomes the input of a tool.
BedrockBody bedrock_request_body(const BedrockDialect& dialect, const Request& request, bool streamed);
std::string bedrock_count_body(const BedrockDialect& dialect, const Request& request);
// Of CountTokens' answer; nullopt when it makes no sense.
std::optional<std::int64_t> read_token_count(std::string_view body);

// Puts an answer together, from one JSON body or from the messages of an event stream. `server` is named in errors.
class BedrockAnswer final : public Answer {
 public:
  BedrockAnswer(std::string_view server, const Sink& sink, bool forced_tool)
      : server_(server), draft_(server, sink, forced_tool) {}

  void take_body(std::string_view body) override;
  void take_piece(std::string_view bytes) override;
  bool has_begun() const override { return draft_.has_begun(); }
  bool has_finish() const override { return draft_.has_finish(); }
  bool is_done() const override { return has_metadata_ && draft_.has_finish(); }
  // With usage estimated where none came.
  Reply reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) && {
    return std::move(draft_).reply(estimated_prompt_tokens, default_model);
  }

 private:
  void take_message(const aws::EventMessage& message);
  void take_event(std::string_view type, const boost::json::object& event);
  void take_delta(const boost::json::object& event);
  void take_block(const boost::json::object& block);
  void take_usage(const boost::json::object& holder);

  std::string_view server_;
  aws::EventStreamDecoder decoder_;
  Draft draft_;
  std::optional<std::int64_t> tool_;  // the index of the block that calls the tool
  bool has_metadata_ = false;         // with the usage; it comes last
};

}  // namespace llm
