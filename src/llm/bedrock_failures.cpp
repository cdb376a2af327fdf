#include "llm/bedrock_failures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aws/error_code.hpp"
#include "net/backoff.hpp"

namespace llm {
namespace {

enum class Outcome { passes, late, final };

struct Meaning {
  std::string_view code;
  Outcome outcome;
  std::string_view advice;
};

constexpr std::string_view kRenew = "; the AWS credentials have expired or are not known: renew them";

constexpr std::array kMeanings = std::to_array<Meaning>({
    {"ThrottlingException", Outcome::passes, ""},
    {"ModelNotReadyException", Outcome::passes, ""},
    {"ServiceUnavailableException", Outcome::passes, ""},
    {"InternalServerException", Outcome::passes, ""},
    {"ModelErrorException", Outcome::passes, ""},
    {"ModelStreamErrorException", Outcome::passes, ""},
    {"ModelTimeoutException", Outcome::late, ""},
    {"ServiceQuotaExceededException", Outcome::final, "; a quota of the AWS account is used up: ask AWS for more"},
    {"ValidationException", Outcome::final,
     "; the request does not fit this model: many models are served through an inference profile alone, whose id "
     "begins "
     "with a region prefix such as us. or eu."},
    {"AccessDeniedException", Outcome::final,
     "; allow bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream, and enable the model in this region"},
    {"ResourceNotFoundException", Outcome::final,
     "; check the model's id, its region prefix (us., eu., global., …) and the region"},
    {"ConflictException", Outcome::final, ""},
    {"ExpiredTokenException", Outcome::final, kRenew},
    {"ExpiredToken", Outcome::final, kRenew},
    {"UnrecognizedClientException", Outcome::final, kRenew},
    {"InvalidSignatureException", Outcome::final, "; check the secret access key and this machine's clock"},
    {"SignatureDoesNotMatch", Outcome::final, "; check the secret access key and this machine's clock"},
    {"MissingAuthenticationTokenException", Outcome::final, "; set AWS credentials or an API key"},
});

const Meaning* meaning_of(std::string_view code) {
  const auto found = std::ranges::find(kMeanings, code, &Meaning::code);
  return found != kMeanings.end() ? &*found : nullptr;
}

Outcome by_status(int status) {
  return status == 408 || status == 424 || status == 429 || status >= 500 ? Outcome::passes : Outcome::final;
}

bool says(std::string_view body, std::string_view words) {
  return std::ranges::search(body, words, {}, [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }).begin() !=
         body.end();
}

base::Code code_for(Outcome outcome) {
  if (outcome == Outcome::late) return base::Code::llm_timeout;
  return outcome == Outcome::passes ? base::Code::llm_unavailable : base::Code::llm_error;
}

boost::json::value details_of(int status, std::string_view code) {
  boost::json::object details{{"status", status}};
  if (!code.empty()) details["provider_code"] = code;
  return details;
}

}  // namespace

base::Error bedrock_failure(int status, const net::Headers& headers, std::string_view body, std::string_view server,
                            base::Time now) {
  const auto code = aws::error_code(headers, body);
  const auto* meaning = meaning_of(code);
  auto outcome = meaning != nullptr ? meaning->outcome : by_status(status);
  std::string_view advice = meaning != nullptr ? meaning->advice : "";
  if (outcome == Outcome::passes && status == 429 && says(body, "per day")) {
    outcome = Outcome::final;
    advice = "; the day's quota of tokens is used up";
  }
  base::Error error(code_for(outcome),
                    fmt::format("the model server {} answered {}{}{}", server, status,
                                code.empty() ? "" : fmt::format(" ({})", code), advice),
                    details_of(status, code));
  if (outcome != Outcome::final) {  // Amazon's own header is in milliseconds
    error.retry_after = net::parse_retry_after(headers.find("retry-after"), headers.find("x-amz-retry-after"), now);
  }
  return error;
}

base::Error bedrock_stream_failure(std::string_view type, std::string_view server) {
  auto code = aws::word_only(type);
  if (!code.empty() && code[0] >= 'a' && code[0] <= 'z') code[0] = static_cast<char>(code[0] - 32);
  const auto* meaning = meaning_of(code);
  return {code_for(meaning != nullptr ? meaning->outcome : Outcome::passes),
          fmt::format("the model server {} broke its answer off with an error{}", server,
                      code.empty() ? "" : fmt::format(" ({})", code)),
          {{"provider_code", code}}};
}

Remedy bedrock_remedy(int status, const net::Headers& headers, std::string_view body) {
  const auto code = aws::error_code(headers, body);
  const bool expired = code == "ExpiredTokenException" || code == "ExpiredToken" ||
                       code == "UnrecognizedClientException" || (status == 403 && says(body, "expired"));
  if (expired) return Remedy::new_credentials;
  if (code == "AccessDeniedException" || status == 404) return Remedy::no_count;
  if (code != "ValidationException") return Remedy::none;
  // The ways in which models say that they know no structured output, or not this schema.
  static constexpr std::array<std::string_view, 8> kAboutSchema{"outputconfig",      "output_config", "textformat",
                                                                "json_schema",       "jsonschema",    "output_format",
                                                                "structured output", "output format"};
  const bool schema = std::ranges::any_of(kAboutSchema, [&](std::string_view words) { return says(body, words); });
  return schema ? Remedy::tool_for_schema : Remedy::no_count;
}

}  // namespace llm
