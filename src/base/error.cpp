#include "base/error.hpp"

#include <array>
#include <utility>

namespace base {

std::string_view to_string(Code code) {
  static constexpr std::array kNames{
      "bad_request",
      "missing_token",
      "invalid_token",
      "forbidden",
      "not_found",
      "conversation_not_found",
      "analysis_not_found",
      "topic_not_found",
      "job_not_found",
      "method_not_allowed",
      "not_acceptable",
      "length_required",
      "payload_too_large",
      "unsupported_media_type",
      "conversation_not_active",
      "turn_in_progress",
      "conflict",
      "idempotency_mismatch",
      "validation_error",
      "domain_validation_error",
      "rate_limit_exceeded",
      "quota_exceeded",
      "internal_error",
      "llm_error",
      "llm_unavailable",
      "llm_timeout",
      "dependency_unavailable",
      "shutting_down",
  };
  static_assert(kNames.size() == static_cast<std::size_t>(Code::shutting_down) + 1);
  return kNames[static_cast<std::size_t>(code)];
}

Error::Error(Code error_code, std::string text, boost::json::value error_details)
    : code(error_code), message(std::move(text)), details(std::move(error_details)) {}

bool retryable(const Error& error) {
  switch (error.code) {
    case Code::rate_limit_exceeded:
    case Code::llm_unavailable:
    case Code::llm_timeout:
    case Code::dependency_unavailable:
    case Code::shutting_down: return true;
    default: return false;
  }
}

}  // namespace base
