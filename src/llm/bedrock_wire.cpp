#include "llm/bedrock_wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <iterator>

#include "aws/percent.hpp"
#include "base/json.hpp"
#include "llm/bedrock_failures.hpp"
#include "llm/failures.hpp"
#include "llm/members.hpp"
#include "llm/schema_text.hpp"
#include "llm/turns.hpp"
#include "llm/vendor_request.hpp"

namespace llm {
namespace {

namespace json = boost::json;

constexpr std::string_view kCachePoint = R"(,{"cachePoint":{"type":"default"}})";

void append_text(std::string& out, std::string_view text) {
  if (out.back() != '[') out += ',';
  out += R"({"text":)";
  base::append_json_string(out, text);
  out += '}';
}

// The system text stays longer than the summary does, so each has its own point; with the messages' that makes three of
// the four that are allowed.
void append_system(std::string& out, const BedrockDialect& dialect, const Request& request) {
  if (request.system.empty() && request.summary.empty()) return;
  out += R"("system":[)";
  for (const auto* text : {&request.system, &request.summary}) {
    if (base::trim(text->reveal()).empty()) continue;  // Bedrock refuses an empty text
    append_text(out, text->reveal());
    if (dialect.prompt_cache) out += kCachePoint;
  }
  out += "],";
}

// The cache ends with the last message: what comes behind it, the guidance, is another in the next call.
void append_messages(std::string& out, const BedrockDialect& dialect, const std::vector<Turn>& turns) {
  std::size_t marked = turns.size();
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (dialect.prompt_cache && turns[i].messages > 0) marked = i;
  }
  out += R"("messages":[)";
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto& turn = turns[i];
    if (i > 0) out += ',';
    out += turn.role == Role::user ? R"({"role":"user","content":[)" : R"({"role":"assistant","content":[)";
    for (std::size_t k = 0; k < turn.texts.size(); ++k) {
      append_text(out, turn.texts[k]);
      if (i == marked && k + 1 == turn.messages) out += kCachePoint;
    }
    out += "]}";
  }
  out += ']';
}

void append_inference(std::string& out, const BedrockDialect& dialect, const Request& request) {
  // Without maxTokens all that the model could ever say would be reserved from the quota.
  fmt::format_to(std::back_inserter(out), FMT_STRING(R"(,"inferenceConfig":{{"maxTokens":{})"),
                 dialect.room.tokens_for(request));
  if (dialect.says_temperature) {
    out += R"(,"temperature":)";
    base::append_json_number(out, std::clamp(request.temperature, 0.0, 1.0));  // other vendors go up to 2
  }
  out += '}';
}

void append_tool(std::string& out, const Request& request, std::string_view schema) {
  std::string name;
  base::append_json_string(name, answer_name(request));
  out.append(R"(,"toolConfig":{"tools":[{"toolSpec":{"name":)").append(name);
  out.append(R"(,"description":"Takes the answer.","inputSchema":{"json":)").append(schema);
  out.append(R"(}}}],"toolChoice":{"tool":{"name":)").append(name).append("}}}");
}

// The schema goes as a string that holds JSON.
void append_output(std::string& out, const BedrockDialect& dialect, const Request& request, const std::string* schema) {
  const bool effort = !dialect.effort.empty() && dialect.effort != "none";
  if (schema == nullptr && !effort) return;
  out += R"(,"outputConfig":{)";
  if (schema != nullptr) {
    out += R"("textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":)";
    base::append_json_string(out, *schema);
    out += R"(,"name":)";
    base::append_json_string(out, answer_name(request));
    out += "}}}";
  }
  if (effort) {
    out += schema != nullptr ? R"(,"effort":)" : R"("effort":)";
    base::append_json_string(out, dialect.effort == "minimal" ? "low" : dialect.effort);  // there is nothing below low
  }
  out += '}';
}

bool forces_tool(const BedrockDialect& dialect, const Request& request) {
  if (request.schema == nullptr) return false;
  if (dialect.structured == StructuredOutput::tool) return true;
  return dialect.structured == StructuredOutput::schema &&
         !schema_text(*request.schema, Dialect::bedrock).within_limits;
}

void append_guardrail(std::string& out, const BedrockDialect& dialect, bool streamed) {
  if (dialect.guardrail_id.empty()) return;
  out += R"(,"guardrailConfig":{"guardrailIdentifier":)";
  base::append_json_string(out, dialect.guardrail_id);
  out += R"(,"guardrailVersion":)";
  base::append_json_string(out, dialect.guardrail_version);
  out += R"(,"trace":"disabled")";  // a trace holds the text that was matched
  if (streamed) out += R"(,"streamProcessingMode":"sync")";  // no text before it was checked
  out += '}';
}

FinishReason finish_reason(std::string_view name) {
  if (name == "max_tokens" || name == "model_context_window_exceeded") return FinishReason::length;
  if (name == "guardrail_intervened" || name == "content_filtered") return FinishReason::content_filter;
  if (name == "refusal") return FinishReason::refusal;
  return FinishReason::stop;  // end_turn, stop_sequence, tool_use, and what may be invented
}

}  // namespace

std::string bedrock_path(std::string_view model, std::string_view operation) {
  return fmt::format("/model/{}/{}", aws::percent_encode(model), operation);
}

BedrockBody bedrock_request_body(const BedrockDialect& dialect, const Request& request, bool streamed) {
  const auto guidance = guidance_for(dialect.structured, request);
  std::size_t size = request.system.size() + request.summary.size() + guidance.size() + 1024;
  for (const auto& message : request.messages) size += message.content.size() + 64;
  BedrockBody body{.text = "{", .forces_tool = forces_tool(dialect, request)};
  auto& out = body.text;
  out.reserve(size + size / 16);
  append_system(out, dialect, request);
  append_messages(out, dialect, alternating_turns(request, guidance));
  append_inference(out, dialect, request);
  if (body.forces_tool) append_tool(out, request, schema_text(*request.schema, Dialect::bedrock).text);
  const bool by_schema =
      request.schema != nullptr && dialect.structured == StructuredOutput::schema && !body.forces_tool;
  append_output(out, dialect, request, by_schema ? &schema_text(*request.schema, Dialect::bedrock).text : nullptr);
  append_guardrail(out, dialect, streamed);
  out += '}';
  return body;
}

std::string bedrock_count_body(const BedrockDialect& dialect, const Request& request) {
  const auto guidance = guidance_for(dialect.structured, request);
  std::string out = R"({"input":{"converse":{)";
  append_system(out, dialect, request);
  append_messages(out, dialect, alternating_turns(request, guidance));
  if (forces_tool(dialect, request)) append_tool(out, request, schema_text(*request.schema, Dialect::bedrock).text);
  out += "}}}";
  return out;
}

std::optional<std::int64_t> read_token_count(std::string_view body) {
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed);
  if (failed || !value.is_object()) return std::nullopt;
  const auto tokens = number_at(value.get_object(), "inputTokens");
  return tokens > 0 ? std::optional(tokens) : std::nullopt;
}

void BedrockAnswer::take_body(std::string_view body) {
  json::monotonic_resource memory;
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed, &memory);
  const auto* answer = failed ? nullptr : value.if_object();
  if (answer == nullptr) throw nonsense(server_, "it is no JSON object");
  const auto* output = object_at(*answer, "output");
  const auto* message = output != nullptr ? object_at(*output, "message") : nullptr;
  const auto* content = message != nullptr ? array_at(*message, "content") : nullptr;
  if (content == nullptr) throw nonsense(server_, "it has no content");
  for (const auto& block : *content) {
    if (block.is_object()) take_block(block.get_object());
  }
  take_usage(*answer);
  draft_.finish(finish_reason(text_at(*answer, "stopReason")));
  has_metadata_ = true;
}

void BedrockAnswer::take_block(const json::object& block) {
  draft_.say(text_at(block, "text"));
  if (block.contains("reasoningContent")) draft_.think();
  const auto* tool = object_at(block, "toolUse");
  const auto* input = tool != nullptr ? object_at(*tool, "input") : nullptr;
  if (input == nullptr || tool_) return;
  tool_ = 0;
  draft_.call(base::write_json(*input));
}

void BedrockAnswer::take_piece(std::string_view bytes) {
  decoder_.feed(bytes);
  while (const auto* message = decoder_.next()) take_message(*message);
}

void BedrockAnswer::take_message(const aws::EventMessage& message) {
  const auto kind = message.find(":message-type");
  if (kind == "exception") throw bedrock_stream_failure(message.find(":exception-type"), server_);
  if (kind == "error") throw bedrock_stream_failure(message.find(":error-code"), server_);
  const auto type = message.find(":event-type");
  if (type.empty()) return;
  std::array<unsigned char, 4096> first;  // a usual event fits and costs no allocation
  json::monotonic_resource memory(first.data(), first.size());
  json::error_code failed;
  const auto value = json::parse(json::string_view(message.payload.data(), message.payload.size()), failed, &memory);
  const auto* event = failed ? nullptr : value.if_object();
  if (event == nullptr) throw nonsense(server_, "an event of its stream is no JSON object");
  take_event(type, *event);
}

// Events of types unknown here are passed over, members too.
void BedrockAnswer::take_event(std::string_view type, const json::object& event) {
  if (type == "contentBlockDelta") {
    take_delta(event);
  } else if (type == "contentBlockStart") {
    const auto* start = object_at(event, "start");
    const bool tool = start != nullptr && start->contains("toolUse");
    if (!tool || tool_) return;
    tool_ = number_at(event, "contentBlockIndex");
    draft_.call("");
  } else if (type == "messageStop") {
    draft_.finish(finish_reason(text_at(event, "stopReason")));
  } else if (type == "metadata") {
    take_usage(event);
    has_metadata_ = true;
  }
}

// A block's start is not sent for text.
void BedrockAnswer::take_delta(const json::object& event) {
  const auto* delta = object_at(event, "delta");
  if (delta == nullptr) return;
  draft_.say(text_at(*delta, "text"));
  if (delta->contains("reasoningContent")) draft_.think();
  const auto* tool = object_at(*delta, "toolUse");
  if (tool == nullptr) return;
  const auto index = number_at(event, "contentBlockIndex");
  if (!tool_) tool_ = index;
  if (tool_ == index) draft_.call(text_at(*tool, "input"));
}

// inputTokens leaves out what was read from the cache and what was put into it.
void BedrockAnswer::take_usage(const json::object& holder) {
  constexpr std::int64_t kMost = 1'000'000'000'000;  // so that nonsense does not overflow the sum
  const auto* usage = object_at(holder, "usage");
  if (usage == nullptr) return;
  const auto read = [&](const char* name) { return std::min(number_at(*usage, name), kMost); };
  const auto cached = read("cacheReadInputTokens");
  const auto written = read("cacheWriteInputTokens");
  draft_.set_usage({.prompt_tokens = read("inputTokens") + cached + written,
                    .completion_tokens = read("outputTokens"),
                    .cached_tokens = cached,
                    .cache_write_tokens = written});
}

}  // namespace llm
