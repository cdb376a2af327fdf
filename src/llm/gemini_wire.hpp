#pragma once
// The bytes of Google's generateContent and streamGenerateContent (https://ai.google.dev/api/generate-content). No I/O in
// here.
#include <cstdint>
#include <string>
#include <string_view>

#include "llm/catalogue.hpp"
#include "llm/draft.hpp"
#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"
#include "net/sse_decoder.hpp"

namespace llm {

// What differs from model to model.
struct GeminiDialect {
  std::string model;
  StructuredOutput structured = StructuredOutput::schema;
  bool says_temperature = true;
  std::string effort;  // "" lets the model decide
  AnswerRoom room;
};

// The same for a plain answer and for a stream: which of them it is, is said in the URL.
std::string gemini_request_body(const GeminiDialect& dialect, const Request& request);

// Puts an answer together, from one JSON body or from a stream's events. The stream has no last event: it ends with the
// body, and is complete when a reason to finish has come. `server` is named in errors; it and `sink` outlive this.
class GeminiAnswer final : public Answer {
 public:
  GeminiAnswer(std::string_view server, const Sink& sink, bool forced_tool)
      : server_(server), draft_(server, sink, forced_tool) {}

  void take_body(std::string_view body) override;
  void take_piece(std::string_view bytes) override;
  bool has_begun() const override { return draft_.has_begun(); }
  bool has_finish() const override { return draft_.has_finish(); }
  bool is_done() const override { return false; }  // only the body's end tells
  Reply reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) &&;

 private:
  void take_chunk(const boost::json::value& chunk);
  void take_candidate(const boost::json::object& candidate);
  void take_part(const boost::json::object& part);
  void take_usage(const boost::json::object& usage);
  void finish(std::string_view reason);

  std::string_view server_;
  net::SseDecoder decoder_;
  Draft draft_;
  bool has_candidates_ = false;
  bool has_called_ = false;
};

}  // namespace llm
