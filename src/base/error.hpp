#pragma once
// The one exception type. Thrown where the reason is known, caught in the request loop, in main(), and where a
// failure is a decision (retry, fallback). http/errors.cpp alone knows which HTTP status a code becomes.
#include <boost/json/value.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace base {

// The closed list of what can go wrong; the names are those of the HTTP contract.
enum class Code {
  bad_request,
  missing_token,
  invalid_token,
  forbidden,
  not_found,
  conversation_not_found,
  analysis_not_found,
  topic_not_found,
  job_not_found,
  method_not_allowed,
  not_acceptable,
  length_required,
  payload_too_large,
  unsupported_media_type,
  conversation_not_active,
  turn_in_progress,
  conflict,
  idempotency_mismatch,
  validation_error,
  domain_validation_error,
  rate_limit_exceeded,
  quota_exceeded,
  internal_error,
  llm_error,
  llm_unavailable,
  llm_timeout,
  dependency_unavailable,
  shutting_down,
};

std::string_view to_string(Code code);

struct Error : std::exception {
  Error(Code error_code, std::string text, boost::json::value error_details = nullptr);

  // For a person: what was tried, on what, and what to do. Never holds what people said in a conversation.
  const char* what() const noexcept override { return message.c_str(); }

  Code code;
  std::string message;
  boost::json::value details;                            // null, an object, or a list of {field, message}
  std::optional<std::chrono::milliseconds> retry_after;  // set when waiting may help
};

// Whether the same call may succeed when repeated unchanged.
bool retryable(const Error& error);

}  // namespace base
