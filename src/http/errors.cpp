#include "http/errors.hpp"

#include <algorithm>

namespace http {
namespace {

constexpr std::string_view kInternalMessage =
    "Something went wrong on our side. Quote the request_id when you report it.";

// Messages begin in lower case, because some go on in the middle of a line; here each is a sentence of its own. A name
// from the request (user_message, page[0]) stays as it is written.
std::string as_sentence(std::string_view message) {
  std::string sentence(message);
  const auto word = message.substr(0, message.find(' '));
  const bool plain = std::ranges::all_of(word, [](char c) { return (c >= 'a' && c <= 'z') || c == ',' || c == '\''; });
  if (plain && !word.empty() && word.front() >= 'a') sentence.front() = static_cast<char>(word.front() - 'a' + 'A');
  return sentence;
}

// RFC 6750 allows printable ASCII without the quote and the backslash in error_description.
std::string quotable(std::string_view text) {
  std::string safe;
  for (const char c : text) safe += (c >= ' ' && c <= '~' && c != '"' && c != '\\') ? c : '?';
  return safe;
}

std::string challenge(const base::Error& error) {
  // Without a token the challenge names no error: RFC 6750, section 3.1.
  if (error.code == base::Code::missing_token) return R"(Bearer realm="purposepath")";
  return R"(Bearer realm="purposepath", error="invalid_token", error_description=")" + quotable(error.message) + '"';
}

std::string allowed_methods(const base::json::value& details) {
  std::string methods;
  const auto* object = details.if_object();
  const auto* allow = object == nullptr ? nullptr : object->if_contains("allow");
  if (allow == nullptr || !allow->is_array()) return methods;
  for (const auto& method : allow->get_array()) {
    if (!method.is_string()) continue;
    if (!methods.empty()) methods += ", ";
    methods += std::string_view(method.get_string());
  }
  return methods;
}

void add_headers(const base::Error& error, Response& response) {
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", challenge(error));
  if (error.retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*error.retry_after).count();
    response.headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(seconds, 1)));
  }
  if (error.code == base::Code::method_not_allowed) {
    if (auto methods = allowed_methods(error.details); !methods.empty()) {
      response.headers.emplace_back("Allow", std::move(methods));
    }
  }
}

// Which server gave what answer is for the operator, who finds it in the log. "" for an error that is a client's to read.
std::string_view about_the_model(base::Code code) {
  switch (code) {
    case base::Code::llm_error: return "The model gave no usable answer. Nothing is lost: send it again.";
    case base::Code::llm_unavailable:
      return "The model cannot be reached right now. Nothing is lost: try again shortly.";
    case base::Code::llm_timeout: return "The model took too long to answer. Nothing is lost: try again.";
    default: return "";
  }
}

// The store tells its operator what is wrong with which file (in the log, and at the start); that is nothing for a client.
bool is_about_the_store(const base::Error& error) {
  const auto* details = error.details.if_object();
  return error.code == base::Code::dependency_unavailable && details != nullptr && details->contains("file");
}

base::Error for_a_client(const base::Error& error) {
  base::Error shown = error;
  if (is_about_the_store(error)) {
    shown.message = "The store cannot be used right now. Nothing was changed; try again later.";
    shown.details = base::json::object{{"dependency", "store"}};
  } else if (const auto text = about_the_model(error.code); !text.empty()) {
    shown.message = text;
    shown.details = nullptr;
  }
  return shown;
}

}  // namespace

int status_of(base::Code code) {
  using enum base::Code;
  switch (code) {
    case bad_request: return 400;
    case missing_token:
    case invalid_token: return 401;
    case forbidden: return 403;
    case not_found:
    case conversation_not_found:
    case analysis_not_found:
    case topic_not_found:
    case job_not_found: return 404;
    case method_not_allowed: return 405;
    case not_acceptable: return 406;
    case conversation_not_active:
    case turn_in_progress:
    case conflict:
    case idempotency_mismatch: return 409;
    case length_required: return 411;
    case payload_too_large: return 413;
    case unsupported_media_type: return 415;
    case validation_error:
    case domain_validation_error: return 422;
    case rate_limit_exceeded:
    case quota_exceeded: return 429;
    case internal_error: return 500;
    case llm_error: return 502;
    case llm_unavailable:
    case dependency_unavailable:
    case shutting_down: return 503;
    case llm_timeout: return 504;
  }
  return 500;
}

Response to_response(const base::Error& thrown, std::string_view request_id) {
  const auto error = for_a_client(thrown);
  Response response;
  response.status = status_of(error.code);
  add_headers(error, response);
  const bool internal = response.status == 500;
  const bool structured = error.details.is_array() || error.details.is_object();
  base::json::object body;
  body.reserve(4);
  body.emplace("error", base::to_string(error.code));
  body.emplace("message", internal ? std::string(kInternalMessage) : as_sentence(error.message));
  body.emplace("details", internal || !structured ? base::json::value(nullptr) : error.details);
  body.emplace("request_id", request_id);
  response.body = base::write_json(body);
  return response;
}

}  // namespace http
