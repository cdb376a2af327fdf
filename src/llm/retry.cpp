#include "llm/retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace llm {
namespace {

std::int64_t status_of(const base::Error& error) {
  const auto* details = error.details.if_object();
  const auto* status = details == nullptr ? nullptr : details->if_contains("status");
  return status != nullptr && status->is_int64() ? status->get_int64() : 0;
}

std::string_view code_of(const base::Error& error) {
  const auto* details = error.details.if_object();
  const auto* code = details == nullptr ? nullptr : details->if_contains("provider_code");
  return code != nullptr && code->is_string() ? std::string_view(code->get_string()) : std::string_view();
}

template <std::size_t N>
bool holds_one_of(std::string_view code, const std::array<std::string_view, N>& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return code.find(word) != code.npos; });
}

// What the request itself is to blame for, whatever the status.
bool blames_request(std::string_view code) {
  static constexpr std::array<std::string_view, 6> kWords{"context_length", "context_window",    "content_filter",
                                                          "content_policy", "request_too_large", "string_above_max"};
  return holds_one_of(code, kWords);
}

// What another model, or another vendor's account, need not share; Google answers 400 to a key that it does not know.
bool blames_model(std::string_view code) {
  static constexpr std::array<std::string_view, 12> kWords{
      "model",          "api_key",    "API_KEY",    "quota",           "billing",   "credit",
      "authentication", "permission", "PERMISSION", "UNAUTHENTICATED", "not_found", "NOT_FOUND"};
  return holds_one_of(code, kWords);
}

// In the middle of a stream there is no status.
bool is_bad_request(std::string_view code) {
  static constexpr std::array<std::string_view, 4> kWords{"invalid_request", "INVALID_ARGUMENT", "OUT_OF_RANGE",
                                                          "FAILED_PRECONDITION"};
  return holds_one_of(code, kWords) || code == "400" || code == "413" || code == "422";
}

}  // namespace

Remedy remedy_for(const base::Error& error) {
  if (error.code == base::Code::llm_unavailable || error.code == base::Code::llm_timeout) return Remedy::retry;
  const auto code = code_of(error);
  if (error.code != base::Code::llm_error || blames_request(code)) return Remedy::none;
  if (blames_model(code)) return Remedy::another_model;
  switch (status_of(error)) {
    case 0: return is_bad_request(code) ? Remedy::none : Remedy::another_model;  // also an answer that makes no sense
    case 401:
    case 402:
    case 403:
    case 404:
    case 410:
    case 429: return Remedy::another_model;
    default: return Remedy::none;
  }
}

std::string reason_of(const base::Error& error) {
  const auto status = status_of(error);
  const auto code = code_of(error);
  if (status == 0) return std::string(code);
  return code.empty() ? std::to_string(status) : fmt::format("{} {}", status, code);
}

}  // namespace llm
