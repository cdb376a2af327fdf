#include "llm/anthropic_wire.hpp"

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

void append_block(std::string& out, std::string_view text, bool cache) {
  if (out.back() != '[') out += ',';
  out += R"({"type":"text","text":)";
  base::append_json_string(out, text);
  if (cache) out += R"(,"cache_control":{"type":"ephemeral"})";
  out += '}';
}

// The system text stays longer than the summary does, so each has its own mark; with the messages' that makes three, of
// the four that are allowed.
void append_system(std::string& out, const AnthropicDialect& dialect, const Request& request) {
  if (request.system.empty() && request.summary.empty()) return;
  out += R"(,"system":[)";
  if (!request.system.empty()) append_block(out, request.system.reveal(), dialect.prompt_cache);
  if (!request.summary.empty()) append_block(out, request.summary.reveal(), dialect.prompt_cache);
  out += ']';
}

// The cache ends with the last message: what comes behind it, the guidance, is another in the next call.
void append_messages(std::string& out, const AnthropicDialect& dialect, const std::vector<Turn>& turns) {
  std::size_t marked = turns.size();
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (dialect.prompt_cache && turns[i].messages > 0) marked = i;
  }
  out += R"(,"messages":[)";
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (i > 0) out += ',';
    out += turns[i].role == Role::user ? R"({"role":"user","content":[)" : R"({"role":"assistant","content":[)";
    for (std::size_t k = 0; k < turns[i].texts.size(); ++k) {
      append_block(out, turns[i].texts[k], i == marked && k + 1 == turns[i].messages);
    }
    out += "]}";
  }
  out += ']';
}

void append_temperature(std::string& out, const AnthropicDialect& dialect, const Request& request) {
  if (!dialect.says_temperature) return;
  out += R"(,"temperature":)";
  base::append_json_number(out, std::clamp(request.temperature, 0.0, 1.0));  // other vendors go up to 2
}

// The effort and the format stand in one member.
void append_output_config(std::string& out, const AnthropicDialect& dialect, const std::string* schema) {
  const bool effort = !dialect.effort.empty() && dialect.effort != "none";
  if (dialect.effort == "none") out += R"(,"thinking":{"type":"disabled"})";
  if (schema == nullptr && !effort) return;
  out += R"(,"output_config":{)";
  if (effort) {
    out += R"("effort":)";
    base::append_json_string(out, dialect.effort == "minimal" ? "low" : dialect.effort);  // there is nothing below low
  }
  if (schema != nullptr) {
    if (effort) out += ',';
    out += R"("format":{"type":"json_schema","schema":)";
    out += *schema;
    out += '}';
  }
  out += '}';
}

void append_tool(std::string& out, const Request& request, std::string_view schema) {
  std::string name;
  base::append_json_string(name, answer_name(request));
  out.append(R"(,"tools":[{"name":)").append(name).append(R"(,"description":"Takes the answer.","input_schema":)");
  out += schema;
  out.append(R"(}],"tool_choice":{"type":"tool","disable_parallel_tool_use":true,"name":)").append(name).append("}");
}

// By output_config, by a tool, or neither.
bool append_answer_form(std::string& out, const AnthropicDialect& dialect, const Request& request) {
  const bool compels = dialect.structured == StructuredOutput::schema || dialect.structured == StructuredOutput::tool;
  if (request.schema == nullptr || !compels) {
    append_output_config(out, dialect, nullptr);
    return false;
  }
  const auto& schema = schema_text(*request.schema, Dialect::anthropic);
  const bool tool = dialect.structured == StructuredOutput::tool || !schema.within_limits;
  append_output_config(out, dialect, tool ? nullptr : &schema.text);
  if (tool) append_tool(out, request, schema.text);
  return tool;
}

FinishReason finish_reason(std::string_view name) {
  // pause_turn: the server wants to be asked to go on; the answer is not whole.
  if (name == "max_tokens" || name == "model_context_window_exceeded" || name == "pause_turn")
    return FinishReason::length;
  if (name == "refusal") return FinishReason::refusal;
  return FinishReason::stop;  // end_turn, stop_sequence, tool_use, and what may be invented
}

}  // namespace

AnthropicBody anthropic_request_body(const AnthropicDialect& dialect, const Request& request, bool streamed) {
  const auto guidance = guidance_for(dialect.structured, request);
  std::string out = R"({"model":)";
  std::size_t size = request.system.size() + request.summary.size() + guidance.size() + 1024;
  for (const auto& message : request.messages) size += message.content.size() + 64;
  out.reserve(size + size / 16);
  base::append_json_string(out, dialect.model);
  fmt::format_to(std::back_inserter(out), FMT_STRING(",\"max_tokens\":{}"), dialect.room.tokens_for(request));
  append_system(out, dialect, request);
  append_messages(out, dialect, alternating_turns(request, guidance));
  append_temperature(out, dialect, request);
  const bool tool = append_answer_form(out, dialect, request);
  if (streamed) out += R"(,"stream":true)";
  out += '}';
  return {.text = std::move(out), .forces_tool = tool};
}

void read_usage(const json::object& from, AnthropicUsage& usage) {
  constexpr std::int64_t kMost = 1'000'000'000'000;  // so that nonsense does not overflow the sum
  const auto read = [&](const char* name, std::int64_t& into) {
    const auto* member = from.if_contains(name);
    if (member != nullptr && member->is_number()) into = std::min(number_at(from, name), kMost);
  };
  read("input_tokens", usage.input);
  read("cache_creation_input_tokens", usage.cache_creation);
  read("cache_read_input_tokens", usage.cache_read);
  read("output_tokens", usage.output);
}

Usage to_usage(const AnthropicUsage& usage) {
  return {.prompt_tokens = usage.input + usage.cache_creation + usage.cache_read,
          .completion_tokens = usage.output,
          .cached_tokens = usage.cache_read,
          .cache_write_tokens = usage.cache_creation};
}

void AnthropicAnswer::take_body(std::string_view body) {
  json::monotonic_resource memory;
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed, &memory);
  const auto* message = failed ? nullptr : value.if_object();
  if (message == nullptr) throw nonsense(server_, "it is no JSON object");
  if (has_error(*message)) throw from_stream_error(read_vendor_error(value), server_);
  const auto* content = array_at(*message, "content");
  if (content == nullptr) throw nonsense(server_, "it has no content");
  begin_message(*message);
  std::int64_t index = 0;
  for (const auto& block : *content) {
    if (block.is_object()) begin_block(block.get_object(), index);
    ++index;
  }
  finish(text_at(*message, "stop_reason"));
  is_done_ = true;
}

void AnthropicAnswer::take_piece(std::string_view bytes) {
  decoder_.feed(bytes);
  while (const auto* event = decoder_.next()) take_event(event->data);
}

// The type stands in the data too; events of types unknown here, and pings, are passed over, as the vendor asks.
void AnthropicAnswer::take_event(std::string_view data) {
  std::array<unsigned char, 4096> first;  // a usual event fits and costs no allocation
  json::monotonic_resource memory(first.data(), first.size());
  json::error_code failed;
  const auto value = json::parse(json::string_view(data.data(), data.size()), failed, &memory);
  const auto* event = failed ? nullptr : value.if_object();
  if (event == nullptr) throw nonsense(server_, "an event of its stream is no JSON object");
  const auto type = text_at(*event, "type");
  if (type == "error" || has_error(*event)) throw from_stream_error(read_vendor_error(value), server_);
  if (type == "message_stop") {
    if (!has_finish()) throw nonsense(server_, "its stream ends without a reason");
    is_done_ = true;
  } else if (const auto* message = object_at(*event, "message"); message != nullptr && type == "message_start") {
    begin_message(*message);
  } else if (const auto* block = object_at(*event, "content_block");
             block != nullptr && type == "content_block_start") {
    begin_block(*block, number_at(*event, "index"));
  } else if (const auto* delta = object_at(*event, "delta"); delta != nullptr && type == "content_block_delta") {
    take_delta(*delta, number_at(*event, "index"));
  } else if (delta != nullptr && type == "message_delta") {
    take_usage(*event);
    const auto reason = text_at(*delta, "stop_reason");
    if (!reason.empty()) finish(reason);
  }
}

void AnthropicAnswer::begin_message(const json::object& message) {
  draft_.name(text_at(message, "id"), text_at(message, "model"));
  take_usage(message);
}

void AnthropicAnswer::begin_block(const json::object& block, std::int64_t index) {
  const auto type = text_at(block, "type");
  if (type == "text") {
    draft_.say(text_at(block, "text"));
  } else if (type == "thinking" || type == "redacted_thinking") {
    draft_.think();
  } else if (type == "tool_use" && !tool_) {
    tool_ = index;
    const auto* input = object_at(block, "input");
    // In a stream it is empty and comes in pieces.
    draft_.call(input != nullptr && !input->empty() ? base::write_json(*input) : "");
  }
}

void AnthropicAnswer::take_delta(const json::object& delta, std::int64_t index) {
  const auto type = text_at(delta, "type");
  if (type == "text_delta") {
    draft_.say(text_at(delta, "text"));
  } else if (type == "input_json_delta") {
    if (tool_ == index) draft_.call(text_at(delta, "partial_json"));
  } else if (type == "thinking_delta" || type == "signature_delta") {
    draft_.think();
  }
}

void AnthropicAnswer::take_usage(const json::object& holder) {
  const auto* usage = object_at(holder, "usage");
  if (usage == nullptr) return;
  read_usage(*usage, usage_);
  draft_.set_usage(to_usage(usage_));
}

void AnthropicAnswer::finish(std::string_view stop_reason) { draft_.finish(finish_reason(stop_reason)); }

Reply AnthropicAnswer::reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) && {
  return std::move(draft_).reply(estimated_prompt_tokens, default_model);
}

}  // namespace llm
