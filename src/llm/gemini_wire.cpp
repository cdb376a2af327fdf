#include "llm/gemini_wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <iterator>

#include "base/json.hpp"
#include "llm/failures.hpp"
#include "llm/members.hpp"
#include "llm/schema_text.hpp"
#include "llm/turns.hpp"
#include "llm/vendor_request.hpp"

namespace llm {
namespace {

namespace json = boost::json;

void append_part(std::string& out, std::string_view text) {
  if (out.back() != '[') out += ',';
  out += R"({"text":)";
  base::append_json_string(out, text);
  out += '}';
}

void append_contents(std::string& out, const Request& request, std::string_view guidance) {
  out += R"({"contents":[)";
  for (const auto& turn : alternating_turns(request, guidance)) {
    if (out.back() != '[') out += ',';
    out += turn.role == Role::user ? R"({"role":"user","parts":[)" : R"({"role":"model","parts":[)";
    for (const auto text : turn.texts) append_part(out, text);
    out += "]}";
  }
  out += ']';
}

void append_system(std::string& out, const Request& request) {
  if (request.system.empty() && request.summary.empty()) return;
  out += R"(,"systemInstruction":{"parts":[)";
  if (!request.system.empty()) append_part(out, request.system.reveal());
  if (!request.summary.empty()) append_part(out, request.summary.reveal());
  out += "]}";
}

// Models before the third generation take a number of tokens, later ones a level; the numbers are those that Google's own
// OpenAI-compatible route uses (https://ai.google.dev/gemini-api/docs/openai, section Thinking).
void append_thinking(std::string& out, const GeminiDialect& dialect) {
  if (dialect.effort.empty()) return;
  if (dialect.model.find("gemini-2") == std::string::npos) {
    // It cannot be turned off.
    const std::string_view level = dialect.effort == "none" ? std::string_view("minimal") : dialect.effort;
    out += R"(,"thinkingConfig":{"thinkingLevel":)";
    base::append_json_string(out, level);
    out += '}';
    return;
  }
  int budget = 1'024;  // low, and minimal
  if (dialect.effort == "none") budget = 0;
  if (dialect.effort == "medium") budget = 8'192;
  if (dialect.effort == "high") budget = 24'576;
  fmt::format_to(std::back_inserter(out), FMT_STRING(R"(,"thinkingConfig":{{"thinkingBudget":{}}})"), budget);
}

void append_generation_config(std::string& out, const GeminiDialect& dialect, const Request& request) {
  fmt::format_to(std::back_inserter(out), FMT_STRING(R"(,"generationConfig":{{"maxOutputTokens":{})"),
                 dialect.room.tokens_for(request));
  if (dialect.says_temperature) {
    out += R"(,"temperature":)";
    base::append_json_number(out, request.temperature);
  }
  const bool schema = request.schema != nullptr && dialect.structured == StructuredOutput::schema;
  const bool json = request.schema != nullptr && dialect.structured == StructuredOutput::json;
  if (schema || json) out += R"(,"responseMimeType":"application/json")";
  if (schema) {
    out += R"(,"responseJsonSchema":)";
    out += schema_text(*request.schema, Dialect::gemini).text;
  }
  append_thinking(out, dialect);
  out += '}';
}

void append_tool(std::string& out, const GeminiDialect& dialect, const Request& request) {
  if (request.schema == nullptr || dialect.structured != StructuredOutput::tool) return;
  std::string name;
  base::append_json_string(name, answer_name(request));
  out.append(R"(,"tools":[{"functionDeclarations":[{"name":)").append(name);
  out += R"(,"description":"Takes the answer.","parametersJsonSchema":)";
  out += schema_text(*request.schema, Dialect::gemini).text;
  out.append(R"(}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":[)").append(name);
  out += "]}}";
}

// What came out is no answer, but another try may give one.
bool is_malformed(std::string_view reason) {
  static constexpr std::array<std::string_view, 5> kMalformed{"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE",
                                                              "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
                                                              "MISSING_THOUGHT_SIGNATURE"};
  return std::ranges::find(kMalformed, reason) != kMalformed.end();
}

FinishReason finish_reason(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kFiltered{
      "SAFETY", "RECITATION", "BLOCKLIST",   "PROHIBITED_CONTENT", "SPII",
      "OTHER",  "LANGUAGE",   "MODEL_ARMOR", "IMAGE_SAFETY",       "IMAGE_PROHIBITED_CONTENT"};
  if (name == "MAX_TOKENS") return FinishReason::length;
  if (std::ranges::find(kFiltered, name) != kFiltered.end()) return FinishReason::content_filter;
  return FinishReason::stop;  // STOP, and what may be invented
}

}  // namespace

std::string gemini_request_body(const GeminiDialect& dialect, const Request& request) {
  const auto guidance = guidance_for(dialect.structured, request);
  std::string out;
  std::size_t size = request.system.size() + request.summary.size() + guidance.size() + 1024;
  for (const auto& message : request.messages) size += message.content.size() + 64;
  out.reserve(size + size / 16);
  append_contents(out, request, guidance);
  append_system(out, request);
  append_generation_config(out, dialect, request);
  append_tool(out, dialect, request);
  out += '}';
  return out;
}

void GeminiAnswer::take_body(std::string_view body) {
  json::monotonic_resource memory;
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed, &memory);
  if (failed) throw nonsense(server_, "it is no JSON");
  if (const auto* chunks = value.if_array()) {  // a stream that a server wrote as one list
    for (const auto& chunk : *chunks) take_chunk(chunk);
  } else {
    take_chunk(value);
  }
  if (!has_finish() && !has_candidates_) throw nonsense(server_, "it has no candidates");
  if (!has_finish()) draft_.finish(FinishReason::stop);
}

void GeminiAnswer::take_piece(std::string_view bytes) {
  decoder_.feed(bytes);
  while (const auto* event = decoder_.next()) {
    std::array<unsigned char, 4096> first;  // a usual chunk fits and costs no allocation
    json::monotonic_resource memory(first.data(), first.size());
    json::error_code failed;
    const std::string_view data = event->data;
    const auto value = json::parse(json::string_view(data.data(), data.size()), failed, &memory);
    if (failed) throw nonsense(server_, "an event of its stream is no JSON");
    take_chunk(value);
  }
}

void GeminiAnswer::take_chunk(const json::value& chunk) {
  const auto* object = chunk.if_object();
  if (object == nullptr) throw nonsense(server_, "it is no JSON object");
  if (has_error(*object)) throw from_stream_error(read_vendor_error(chunk), server_);
  draft_.name(text_at(*object, "responseId"), text_at(*object, "modelVersion"));
  if (const auto* usage = object_at(*object, "usageMetadata")) take_usage(*usage);
  if (const auto* feedback = object_at(*object, "promptFeedback")) {
    // The question was refused, so no candidate will come.
    if (!text_at(*feedback, "blockReason").empty()) draft_.finish(FinishReason::content_filter);
  }
  const auto* candidates = array_at(*object, "candidates");
  if (candidates == nullptr) return;
  for (const auto& candidate : *candidates) {
    if (candidate.is_object() && number_at(candidate.get_object(), "index") == 0) {
      take_candidate(candidate.get_object());
    }
  }
}

void GeminiAnswer::take_candidate(const json::object& candidate) {
  has_candidates_ = true;
  if (const auto* content = object_at(candidate, "content")) {
    if (const auto* parts = array_at(*content, "parts")) {
      for (const auto& part : *parts) {
        if (part.is_object()) take_part(part.get_object());
      }
    }
  }
  const auto reason = text_at(candidate, "finishReason");
  if (!reason.empty() && reason != "FINISH_REASON_UNSPECIFIED") finish(reason);
}

void GeminiAnswer::take_part(const json::object& part) {
  const auto* thought = part.if_contains("thought");
  if (part.contains("thoughtSignature")) draft_.think();
  if (thought != nullptr && thought->is_bool() && thought->get_bool()) return draft_.think();
  draft_.say(text_at(part, "text"));
  const auto* call = object_at(part, "functionCall");
  if (call == nullptr || has_called_) return;
  has_called_ = true;
  const auto* arguments = object_at(*call, "args");
  draft_.call(arguments != nullptr ? base::write_json(*arguments) : "");
}

// Each chunk has the sums so far. What was thought counts as said; what came from the cache is part of the prompt.
void GeminiAnswer::take_usage(const json::object& usage) {
  constexpr std::int64_t kMost = 1'000'000'000'000;  // so that nonsense does not overflow the sum
  const auto count = [&](const char* name) { return std::min(number_at(usage, name), kMost); };
  draft_.set_usage({.prompt_tokens = count("promptTokenCount") + count("toolUsePromptTokenCount"),
                    .completion_tokens = count("candidatesTokenCount") + count("thoughtsTokenCount"),
                    .cached_tokens = count("cachedContentTokenCount")});
}

void GeminiAnswer::finish(std::string_view reason) {
  if (is_malformed(reason)) throw from_stream_error({.code = std::string(reason)}, server_);
  draft_.finish(finish_reason(reason));
}

Reply GeminiAnswer::reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) && {
  return std::move(draft_).reply(estimated_prompt_tokens, default_model);
}

}  // namespace llm
