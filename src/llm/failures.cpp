#include "llm/failures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/json.hpp"
#include "llm/members.hpp"
#include "llm/rate_limits.hpp"
#include "net/backoff.hpp"
#include "net/failure.hpp"

namespace llm {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestCode = 64;

bool in_code(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

std::string clean(std::string_view text) {
  const bool short_word = text.size() <= kLongestCode && std::ranges::all_of(text, in_code);
  return short_word ? std::string(text) : "";
}

// A code is a short word of the vendor's; anything longer or stranger might quote what was said.
std::string code_of(const json::object& error) {
  for (const char* name : {"code", "status"}) {
    if (auto text = clean(text_at(error, name)); !text.empty()) return text;
  }
  if (const auto* number = error.if_contains("code"); number != nullptr && number->is_int64()) {
    return std::to_string(number->get_int64());
  }
  return clean(text_at(error, "type"));
}

bool is_final(std::string_view code) {
  static constexpr std::array<std::string_view, 5> kUsedUp{"insufficient_quota", "credit_balance", "spend_limit",
                                                           "billing", "usage_limit_reached"};
  // Anthropic's types and Google's statuses of requests that stay wrong.
  static constexpr std::array<std::string_view, 10> kWrong{
      "authentication_error", "permission_error", "not_found_error",   "request_too_large", "INVALID_ARGUMENT",
      "UNAUTHENTICATED",      "NOT_FOUND",        "PERMISSION_DENIED", "OUT_OF_RANGE",      "FAILED_PRECONDITION"};
  return std::ranges::any_of(kUsedUp, [&](std::string_view word) { return code.find(word) != code.npos; }) ||
         std::ranges::find(kWrong, code) != kWrong.end();
}

// "34.5s": google.protobuf.Duration in JSON.
std::optional<base::Milliseconds> duration_of(std::string_view text) {
  constexpr double kLongest = 1e9;  // seconds; more is nonsense
  double seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool whole = failed == std::errc() && std::string_view(end, text.data() + text.size()) == "s";
  if (!whole || !(seconds >= 0 && seconds < kLongest)) return std::nullopt;
  return base::Milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

bool is_of_a_day(const json::object& quota_failure) {
  const auto* violations = quota_failure.if_contains("violations");
  if (violations == nullptr || !violations->is_array()) return false;
  return std::ranges::any_of(violations->get_array(), [](const json::value& violation) {
    return violation.is_object() && text_at(violation.get_object(), "quotaId").find("PerDay") != std::string_view::npos;
  });
}

// Google's list (https://cloud.google.com/apis/design/errors#error_details), or Anthropic's object.
void read_details(const json::value& details, VendorError& error) {
  if (const auto* object = details.if_object()) {
    const auto code = clean(text_at(*object, "error_code"));
    if (!code.empty()) error.code = code;
    error.final = error.final || is_final(code);
  }
  if (!details.is_array()) return;
  for (const auto& detail : details.get_array()) {
    if (!detail.is_object()) continue;
    const auto type = text_at(detail.get_object(), "@type");
    if (type.ends_with("google.rpc.RetryInfo")) {
      error.retry_after = duration_of(text_at(detail.get_object(), "retryDelay"));
    } else if (type.ends_with("google.rpc.QuotaFailure")) {
      error.final = error.final || is_of_a_day(detail.get_object());
    } else if (type.ends_with("google.rpc.ErrorInfo")) {
      const auto reason = clean(text_at(detail.get_object(), "reason"));
      if (!reason.empty()) error.code = reason;
    }
  }
}

// Azure's name for it stands one level deeper, spelled in two ways
// (https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter).
bool is_filtered(std::string_view code, const json::object& error) {
  if (code == kContentFilter || code == "content_policy_violation") return true;
  for (const char* name : {"innererror", "inner_error"}) {
    const auto* inner = object_at(error, name);
    if (inner != nullptr && text_at(*inner, "code") == "ResponsibleAIPolicyViolation") return true;
  }
  return false;
}

std::string advice(int status, std::string_view code) {
  if (code == kContentFilter) return "; its content filter stopped the conversation";
  switch (status) {
    case 400:
    case 422: return "; the request does not fit this model or server";
    case 401:
    case 403: return "; check the API key and what it may use";
    case 404: return "; check the base URL and the name of the model";
    case 413: return "; the conversation is too long for this server";
    default: return "";
  }
}

json::value details_of(int status, const VendorError& vendor) {
  json::object details{{"status", status}};
  if (!vendor.code.empty()) details["provider_code"] = vendor.code;
  return details;
}

// Some servers' code in a stream is the status that they would have answered with.
bool is_status_of_a_bad_request(std::string_view code) {
  const bool status = code.size() == 3 && code.front() == '4' && code.find_first_not_of("0123456789") == code.npos;
  return status && code != "408" && code != "409" && code != "429";
}

bool worth_another_try(int status, const net::Headers& headers, const VendorError& vendor) {
  const auto asked = headers.find("x-should-retry");
  if (asked == "true") return true;
  if (asked == "false" || vendor.final) return false;
  return status == 408 || status == 409 || status == 429 || status >= 500;
}

}  // namespace

VendorError read_vendor_error(const json::value& body) {
  if (const auto* list = body.if_array(); list != nullptr && !list->empty() && list->front().is_object()) {
    return read_vendor_error(list->front());
  }
  const auto* object = body.if_object();
  if (object == nullptr) return {};
  const auto* inner = object_at(*object, "error");
  const auto& error = inner != nullptr ? *inner : *object;
  VendorError read;
  read.code = code_of(error);
  if (is_filtered(read.code, error)) return {.code = std::string(kContentFilter), .final = true};
  // The code says best what is meant, but some put it into the type; Google gives a number as the code.
  read.final = is_final(read.code) || is_final(text_at(error, "type")) || is_final(text_at(error, "status"));
  if (const auto* details = error.if_contains("details")) read_details(*details, read);
  return read;
}

VendorError read_vendor_error(std::string_view body) {
  json::error_code failed;
  const auto value = json::parse(json::string_view(body.data(), body.size()), failed);
  return failed ? VendorError{} : read_vendor_error(value);
}

base::Error from_network(const base::Error& error, std::string_view server) {
  if (error.code != base::Code::dependency_unavailable) return error;
  const bool late = net::timed_out(error);
  return {late ? base::Code::llm_timeout : base::Code::llm_unavailable,
          fmt::format("no complete answer from the model server {}: {}", server, error.message), error.details};
}

base::Error from_status(int status, const net::Headers& headers, std::string_view body, std::string_view server,
                        base::Time now) {
  const auto vendor = read_vendor_error(body);
  const bool again = worth_another_try(status, headers, vendor);
  const auto code = vendor.code.empty() ? "" : fmt::format(" ({})", vendor.code);
  base::Error error(
      again ? base::Code::llm_unavailable : base::Code::llm_error,
      fmt::format("the model server {} answered {}{}{}", server, status, code, advice(status, vendor.code)),
      details_of(status, vendor));
  if (!again) return error;
  error.retry_after = net::parse_retry_after(headers.find("retry-after"), headers.find("retry-after-ms"), now);
  if (!error.retry_after) error.retry_after = vendor.retry_after;
  if (!error.retry_after && status == 429) error.retry_after = wait_for_reset(read_rate_limits(headers));
  return error;
}

base::Error from_stream_error(const VendorError& error, std::string_view server) {
  const bool final = error.final || error.code.find("invalid") != error.code.npos ||
                     error.code == "context_length_exceeded" || is_status_of_a_bad_request(error.code);
  base::Error broken(final ? base::Code::llm_error : base::Code::llm_unavailable,
                     fmt::format("the model server {} broke its answer off with an error{}", server,
                                 error.code.empty() ? "" : fmt::format(" ({})", error.code)),
                     {{"provider_code", error.code}});
  if (!final) broken.retry_after = error.retry_after;
  return broken;
}

base::Error nonsense(std::string_view server, std::string_view what) {
  return {base::Code::llm_error, fmt::format("the answer of the model server {} makes no sense: {}", server, what)};
}

}  // namespace llm
