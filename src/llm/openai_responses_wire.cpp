#include "llm/openai_responses_wire.hpp"

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
    out += R"(,"text":{"format":{"type":"json_schema",)";
    append_schema(out, request, "schema");
    out += "}}";
  } else if (asks_for(StructuredOutput::tool, dialect, request)) {
    out += R"(,"tools":[{"type":"function",)";
    append_schema(out, request, "parameters");
    out += R"(}],"tool_choice":{"type":"function","name":)";
    base::append_json_string(out, schema_name(request));
    out += R"(},"parallel_tool_calls":false)";
  } else if (asks_for(StructuredOutput::json, dialect, request)) {
    out += R"(,"text":{"format":{"type":"json_object"}})";
  }
}

// The system text as instructions; but the input must not be empty, so without anything else it becomes the input.
void append_input(std::string& out, const OpenAiDialect& dialect, const Request& request) {
  out += R"(,"input":[)";
  append_conversation(out, dialect, request);
  const bool alone = out.back() == '[';
  if (alone) append_message(out, "user", request.system.reveal());
  out += ']';
  if (alone || request.system.empty()) return;
  out += R"(,"instructions":)";
  base::append_json_string(out, request.system.reveal());
}

Usage usage_of(const json::object& usage) {
  const auto* details = object_at(usage, "input_tokens_details");
  return {.prompt_tokens = number_at(usage, "input_tokens"),
          .completion_tokens = number_at(usage, "output_tokens"),
          .cached_tokens = details != nullptr ? number_at(*details, "cached_tokens") : 0,
          .cache_write_tokens = details != nullptr ? number_at(*details, "cache_write_tokens") : 0};
}

FinishReason why_incomplete(const json::object& response) {
  const auto* details = object_at(response, "incomplete_details");
  const bool filtered = details != nullptr && text_at(*details, "reason") == kContentFilter;
  return filtered ? FinishReason::content_filter : FinishReason::length;
}

}  // namespace

std::string responses_request_body(const OpenAiDialect& dialect, const Request& request, bool streamed) {
  std::string out = R"({"model":)";
  reserve_body(out, request);
  base::append_json_string(out, dialect.model);
  append_input(out, dialect, request);
  fmt::format_to(std::back_inserter(out), FMT_STRING(",\"max_output_tokens\":{}"), dialect.room.tokens_for(request));
  append_temperature(out, dialect, request);
  if (!dialect.reasoning_effort.empty()) {
    out += R"(,"reasoning":{"effort":)";
    base::append_json_string(out, dialect.reasoning_effort);
    out += '}';
  }
  append_store(out, dialect);
  append_cache_key(out, dialect, request);
  append_structure(out, dialect, request);
  if (streamed) out += R"(,"stream":true)";
  if (streamed && dialect.says_obfuscation) out += R"(,"stream_options":{"include_obfuscation":false})";
  out += '}';
  return out;
}

void ResponsesAnswer::take_body(std::string_view body) {
  json::monotonic_resource memory;
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed, &memory);
  if (failed) throw nonsense(server_, "it is no JSON");
  take_response(value);
}

void ResponsesAnswer::take_piece(std::string_view bytes) {
  decoder_.feed(bytes);
  while (const auto* event = is_done_ ? nullptr : decoder_.next()) take_event(*event);
}

void ResponsesAnswer::take_event(const net::SseEvent& event) {
  if (event.data == "[DONE]") return;  // compatible servers add it; the end was told before
  std::array<unsigned char, 4096> first;  // a usual event fits and costs no allocation
  json::monotonic_resource memory(first.data(), first.size());
  json::error_code failed;
  const auto value = json::parse(json::string_view(event.data), failed, &memory);
  if (failed) throw nonsense(server_, "an event of its stream is no JSON");
  const auto* object = value.if_object();
  if (object == nullptr) throw nonsense(server_, "an event of its stream is no JSON object");
  const auto said = text_at(*object, "type");
  const auto type = said.empty() ? std::string_view(event.type) : said;
  if (type == "error" || has_error(*object)) throw from_stream_error(read_vendor_error(value), server_);
  if (type == "response.completed" || type == "response.incomplete" || type == "response.failed") {
    const auto* response = object->if_contains("response");
    if (response == nullptr) throw nonsense(server_, "the event that ends its stream has no response");
    take_response(*response);
  } else {
    take_delta(type, *object);
  }
}

void ResponsesAnswer::take_delta(std::string_view type, const json::object& event) {
  const auto delta = text_at(event, "delta");
  if (type == "response.output_text.delta") {
    draft_.say(delta);
  } else if (type == "response.refusal.delta") {
    draft_.refuse(delta);
  } else if (type == "response.function_call_arguments.delta") {
    draft_.call(delta);
  } else if (type.starts_with("response.reasoning") && !delta.empty()) {
    draft_.think();
  }
}

void ResponsesAnswer::take_response(const json::value& value) {
  const auto* response = value.if_object();
  if (response == nullptr) throw nonsense(server_, "it is no JSON object");
  if (has_error(*response)) throw from_stream_error(read_vendor_error(value), server_);
  take_status(*response);
  draft_.name(text_at(*response, "id"), text_at(*response, "model"));
  if (draft_.is_empty()) take_output(*response);  // else it has come in pieces
  const auto* usage = object_at(*response, "usage");
  if (usage != nullptr && usage->contains("input_tokens")) draft_.set_usage(usage_of(*usage));
  is_done_ = true;
}

void ResponsesAnswer::take_status(const json::object& response) {
  const auto status = text_at(response, "status");
  if (status == "incomplete") return draft_.finish(why_incomplete(response));
  if (status == "completed") return;
  if (status == "failed" || status == "cancelled") throw from_stream_error({}, server_);
  if (status.empty() && array_at(response, "output") != nullptr) return;
  throw nonsense(server_, "its status is none of an answer that has ended");
}

void ResponsesAnswer::take_output(const json::object& response) {
  const auto* output = array_at(response, "output");
  if (output == nullptr) return;
  bool called = false;
  for (const auto& element : *output) {
    const auto* item = element.if_object();
    if (item == nullptr) continue;
    if (text_at(*item, "type") == "function_call" && !std::exchange(called, true)) {
      draft_.call(text_at(*item, "arguments"));
    }
    const auto* parts = array_at(*item, "content");
    if (parts == nullptr || text_at(*item, "type") != "message") continue;
    for (const auto& part : *parts) {
      if (!part.is_object()) continue;
      if (text_at(part.get_object(), "type") == "output_text") draft_.say(text_at(part.get_object(), "text"));
      draft_.refuse(text_at(part.get_object(), "refusal"));
    }
  }
}

}  // namespace llm
