#include "llm/openai_wire.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

#include "base/json.hpp"
#include "llm/failures.hpp"
#include "llm/members.hpp"

namespace llm {
namespace {

namespace json = boost::json;

void append_structure(std::string& out, const OpenAiDialect& dialect, const Request& request) {
  if (asks_for(StructuredOutput::schema, dialect, request)) {
    out += R"(,"response_format":{"type":"json_schema","json_schema":{)";
    append_schema(out, request, "schema");
    out += "}}";
  } else if (asks_for(StructuredOutput::tool, dialect, request)) {
    out += R"(,"tools":[{"type":"function","function":{)";
    append_schema(out, request, "parameters");
    out += R"(}}],"tool_choice":{"type":"function","function":{"name":)";
    base::append_json_string(out, schema_name(request));
    out += R"(}},"parallel_tool_calls":false)";
  } else if (asks_for(StructuredOutput::json, dialect, request)) {
    out += R"(,"response_format":{"type":"json_object"})";
  }
}

FinishReason finish_reason(std::string_view name) {
  if (name == "length") return FinishReason::length;
  if (name == kContentFilter) return FinishReason::content_filter;
  return FinishReason::stop;  // "stop", "tool_calls", and what a vendor may invent
}

Usage usage_of(const json::object& usage) {
  const auto* details = object_at(usage, "prompt_tokens_details");
  return {.prompt_tokens = number_at(usage, "prompt_tokens"),
          .completion_tokens = number_at(usage, "completion_tokens"),
          .cached_tokens = details != nullptr ? number_at(*details, "cached_tokens") : 0,
          .cache_write_tokens = details != nullptr ? number_at(*details, "cache_write_tokens") : 0};
}

bool has_thoughts(const json::object& message) {
  return !text_at(message, "reasoning_content").empty() || !text_at(message, "reasoning").empty();
}

}  // namespace

std::string chat_request_body(const OpenAiDialect& dialect, const Request& request, bool streamed) {
  std::string out = R"({"model":)";
  reserve_body(out, request);
  base::append_json_string(out, dialect.model);
  out += R"(,"messages":[)";
  if (!request.system.empty()) append_message(out, "system", request.system.reveal());
  append_conversation(out, dialect, request);
  fmt::format_to(std::back_inserter(out), FMT_STRING("],\"{}\":{}"), dialect.token_parameter,
                 dialect.room.tokens_for(request));
  append_temperature(out, dialect, request);
  if (!dialect.reasoning_effort.empty()) {
    out += R"(,"reasoning_effort":)";
    base::append_json_string(out, dialect.reasoning_effort);
  }
  if (dialect.says_store) append_store(out, dialect);
  append_cache_key(out, dialect, request);
  append_structure(out, dialect, request);
  if (streamed) {
    out += R"(,"stream":true,"stream_options":{"include_usage":true)";
    if (dialect.says_obfuscation) out += R"(,"include_obfuscation":false)";
    out += '}';
  }
  out += '}';
  return out;
}

void ChatAnswer::take_body(std::string_view body) {
  json::monotonic_resource memory;
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed, &memory);
  if (failed) throw nonsense(server_, "it is no JSON");
  take_value(value, "message");
  if (!has_choices_) throw nonsense(server_, "it has no choices");
  has_finish_ = true;
}

void ChatAnswer::take_piece(std::string_view bytes) {
  decoder_.feed(bytes);
  while (const auto* event = decoder_.next()) take_event(event->data);
}

void ChatAnswer::take_event(std::string_view data) {
  if (data == "[DONE]") {
    if (!has_choices_) throw nonsense(server_, "it has no choices");
    has_finish_ = is_done_ = true;
    return;
  }
  std::array<unsigned char, 4096> first;  // a usual chunk fits and costs no allocation
  json::monotonic_resource memory(first.data(), first.size());
  json::error_code failed;
  const auto value = json::parse(json::string_view(data.data(), data.size()), failed, &memory);
  if (failed) throw nonsense(server_, "an event of its stream is no JSON");
  take_value(value, "delta");
}

void ChatAnswer::take_value(const json::value& value, const char* message_name) {
  const auto* object = value.if_object();
  if (object == nullptr) throw nonsense(server_, "it is no JSON object");
  if (has_error(*object)) throw from_stream_error(read_vendor_error(value), server_);
  draft_.name(text_at(*object, "id"), text_at(*object, "model"));
  const auto* usage = object_at(*object, "usage");
  if (usage != nullptr && usage->contains("prompt_tokens")) draft_.set_usage(usage_of(*usage));
  const auto* choices = array_at(*object, "choices");
  if (choices == nullptr) return;
  for (const auto& choice : *choices) {
    if (choice.is_object() && number_at(choice.get_object(), "index") == 0)
      take_choice(choice.get_object(), message_name);
  }
}

void ChatAnswer::take_choice(const json::object& choice, const char* message_name) {
  has_choices_ = true;
  if (const auto* message = object_at(choice, message_name)) take_message(*message);
  const auto finish = text_at(choice, "finish_reason");
  if (finish.empty()) return;
  has_finish_ = true;
  draft_.finish(finish_reason(finish));
}

void ChatAnswer::take_message(const json::object& message) {
  draft_.say(text_at(message, "content"));
  // Mistral's servers, for one, answer in parts.
  if (const auto* parts = array_at(message, "content")) {
    for (const auto& part : *parts) {
      if (part.is_object()) draft_.say(text_at(part.get_object(), "text"));
    }
  }
  draft_.refuse(text_at(message, "refusal"));
  if (has_thoughts(message)) draft_.think();
  const auto* calls = array_at(message, "tool_calls");
  if (calls != nullptr && !calls->empty()) take_call(calls->front());
}

// Only the first call counts; a stream names it by its index.
void ChatAnswer::take_call(const json::value& call) {
  if (!call.is_object() || number_at(call.get_object(), "index") != 0) return;
  const auto* function = object_at(call.get_object(), "function");
  if (function == nullptr) return;
  draft_.call(text_at(*function, "arguments"));
  const auto* no_text = object_at(*function, "arguments");  // as some servers have it
  if (no_text != nullptr) draft_.call(base::write_json(*no_text));
}

}  // namespace llm
