#include "llm/openai_wire.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

#include "base/json.hpp"
#include "llm/failures.hpp"

namespace llm {
namespace {

namespace json = boost::json;

void append_message(std::string& out, std::string_view role, std::string_view content) {
  if (out.back() != '[') out += ',';
  out.append(R"({"role":")").append(role).append(R"(","content":)");
  base::append_json_string(out, content);
  out += '}';
}

void append_schema(std::string& out, const Request& request) {
  out += R"(,"response_format":{"type":"json_schema","json_schema":{"name":)";
  base::append_json_string(out, request.schema_name.empty() ? "answer" : request.schema_name);
  out.append(R"(,"strict":true,"schema":)").append(json::serialize(*request.schema)).append("}}");
}

// OpenAI's reasoning models refuse any temperature but their own.
bool is_reasoning_model(std::string_view model) {
  const bool o_series = model.size() >= 2 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9';
  return o_series || (model.starts_with("gpt-5") && !model.starts_with("gpt-5-chat"));
}

const json::object* object_at(const json::object& object, const char* name) {
  const auto* member = object.if_contains(name);
  return member != nullptr ? member->if_object() : nullptr;
}

std::string_view text_at(const json::object& object, const char* name) {
  const auto* member = object.if_contains(name);
  const auto* text = member != nullptr ? member->if_string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

std::int64_t number_at(const json::object& object, const char* name) {
  const auto* member = object.if_contains(name);
  if (member == nullptr || !member->is_number()) return 0;
  json::error_code out_of_range;
  return std::max<std::int64_t>(member->to_number<std::int64_t>(out_of_range), 0);
}

FinishReason finish_reason(std::string_view name) {
  if (name == "length") return FinishReason::length;
  if (name == "content_filter") return FinishReason::content_filter;
  return FinishReason::stop;  // "stop", and what a vendor may invent
}

}  // namespace

std::string openai_request_body(const OpenAiDialect& dialect, const Request& request, bool streamed) {
  std::string out = R"({"model":)";
  std::size_t size = request.system.size() + 512;
  for (const auto& message : request.messages) size += message.content.size() + 64;
  out.reserve(size + size / 16);
  base::append_json_string(out, dialect.model);
  out += R"(,"messages":[)";
  if (!request.system.empty()) append_message(out, "system", request.system.reveal());
  if (!request.summary.empty()) append_message(out, "system", request.summary.reveal());
  for (const auto& message : request.messages) {
    append_message(out, message.role == Role::user ? "user" : "assistant", message.content.reveal());
  }
  // After the messages, so that the beginning stays the same from call to call and can be cached. Some servers refuse a
  // conversation without any message of the user.
  if (!request.guidance.empty()) {
    append_message(out, request.messages.empty() ? "user" : "system", request.guidance.reveal());
  }
  fmt::format_to(std::back_inserter(out), FMT_STRING("],\"{}\":{}"), dialect.token_parameter, request.max_tokens);
  const bool fixed = dialect.fixed_temperature_for_reasoning && is_reasoning_model(dialect.model);
  if (dialect.says_temperature && !fixed) {
    fmt::format_to(std::back_inserter(out), FMT_STRING(",\"temperature\":{}"), request.temperature);
  }
  if (dialect.says_store) out += dialect.store ? R"(,"store":true)" : R"(,"store":false)";
  if (request.schema != nullptr) append_schema(out, request);
  if (streamed) out += R"(,"stream":true,"stream_options":{"include_usage":true})";
  out += '}';
  return out;
}

void OpenAiAnswer::take_body(std::string_view body) {
  json::monotonic_resource memory;
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed, &memory);
  if (failed) throw nonsense(server_, "it is no JSON");
  take_value(value, "message");
  if (!has_choices_) throw nonsense(server_, "it has no choices");
  has_finish_ = true;
}

void OpenAiAnswer::take_piece(std::string_view bytes) {
  decoder_.feed(bytes);
  while (const auto* event = decoder_.next()) take_event(event->data);
}

void OpenAiAnswer::take_event(std::string_view data) {
  if (data == "[DONE]") {
    is_done_ = true;
    return;
  }
  std::array<unsigned char, 4096> first;  // a usual chunk fits and costs no allocation
  json::monotonic_resource memory(first.data(), first.size());
  json::error_code failed;
  const auto value = json::parse(json::string_view(data.data(), data.size()), failed, &memory);
  if (failed) throw nonsense(server_, "an event of its stream is no JSON");
  take_value(value, "delta");
}

void OpenAiAnswer::take_value(const json::value& value, const char* message_name) {
  const auto* object = value.if_object();
  if (object == nullptr) throw nonsense(server_, "it is no JSON object");
  const auto* error = object->if_contains("error");
  if (error != nullptr && !error->is_null()) throw from_stream_error(read_vendor_error(value), server_);
  if (id_.empty()) id_ = text_at(*object, "id");
  if (model_.empty()) model_ = text_at(*object, "model");
  if (const auto* usage = object_at(*object, "usage")) take_usage(*usage);
  const auto* choices = object->if_contains("choices");
  if (choices == nullptr || !choices->is_array()) return;
  for (const auto& choice : choices->get_array()) {
    if (choice.is_object() && number_at(choice.get_object(), "index") == 0)
      take_choice(choice.get_object(), message_name);
  }
}

void OpenAiAnswer::take_choice(const json::object& choice, const char* message_name) {
  has_choices_ = true;
  if (const auto* message = object_at(choice, message_name)) {
    take_text(text_at(*message, "content"));
    const auto refusal = text_at(*message, "refusal");
    refused_ = refused_ || !refusal.empty();
    take_text(refusal);
    const bool reasons = !text_at(*message, "reasoning_content").empty() || !text_at(*message, "reasoning").empty();
    has_begun_ = has_begun_ || reasons;
  }
  const auto finish = text_at(choice, "finish_reason");
  if (finish.empty()) return;
  has_finish_ = true;
  finish_ = finish_reason(finish);
}

void OpenAiAnswer::take_text(std::string_view text) {
  if (text.empty()) return;
  has_begun_ = true;
  text_.append(text);
}

void OpenAiAnswer::take_usage(const json::object& usage) {
  has_usage_ = true;
  usage_.prompt_tokens = number_at(usage, "prompt_tokens");
  usage_.completion_tokens = number_at(usage, "completion_tokens");
  const auto* details = object_at(usage, "prompt_tokens_details");
  usage_.cached_tokens = details != nullptr ? number_at(*details, "cached_tokens") : 0;
}

Reply OpenAiAnswer::reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) && {
  if (!has_usage_) {
    usage_ = {.prompt_tokens = estimated_prompt_tokens,
              .completion_tokens = estimate_tokens(text_.text()),
              .estimated = true};
  }
  Reply reply;
  reply.text = base::PrivateText(std::move(text_).take());
  reply.finish_reason = refused_ ? FinishReason::refusal : finish_;
  reply.usage = usage_;
  reply.model = !model_.empty() ? model_ : std::string(default_model);
  reply.provider_request_id = std::move(id_);
  return reply;
}

}  // namespace llm
