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

// What the request itself is to blame for, whatever the status.
bool blames_request(std::string_view code) {
  static constexpr std::array<std::string_view, 6> kWords{"context_length", "context_window",    "content_filter",
                                                          "content_policy", "request_too_large", "string_above_max"};
  return std::ranges::any_of(kWords, [&](std::string_view word) { return code.find(word) != code.npos; });
}

}  // namespace

Remedy remedy_for(const base::Error& error) {
  if (error.code == base::Code::llm_unavailable || error.code == base::Code::llm_timeout) return Remedy::retry;
  if (error.code != base::Code::llm_error || blames_request(code_of(error))) return Remedy::none;
  switch (status_of(error)) {
    case 0:    // an answer that makes no sense
    case 401:
    case 402:
    case 403:
    case 404:
    case 410:
    case 429: return Remedy::another_model;
    default: return code_of(error).find("model") != std::string_view::npos ? Remedy::another_model : Remedy::none;
  }
}

std::string reason_of(const base::Error& error) {
  const auto status = status_of(error);
  const auto code = code_of(error);
  if (status == 0) return std::string(code);
  return code.empty() ? std::to_string(status) : fmt::format("{} {}", status, code);
}

}  // namespace llm
