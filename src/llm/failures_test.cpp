#include "llm/failures.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace llm {
namespace {

using base::Code;
using namespace std::chrono_literals;

constexpr const char* kServer = "model.example";

base::Error from(int status, const char* body, const net::Headers& headers = {}) {
  return from_status(status, headers, body, kServer, base::Time{});
}

std::string google(const char* status, const char* details) {
  return std::string(R"({"error":{"code":429,"message":"Somebody's words","status":")") + status + R"(","details":[)" +
         details + "]}}";
}
constexpr const char* kRetryInfo = R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.0748s"})";

TEST(Failures, ReadsAnthropicsNestedType) {
  const auto error =
      from(429, R"({"type":"error","error":{"type":"rate_limit_error","message":"slow"},"request_id":"req_1"})");
  EXPECT_EQ(error.code, Code::llm_unavailable);
  EXPECT_EQ(error.details.at("provider_code"), "rate_limit_error");
}

TEST(Failures, KnowsThatASpendLimitIsFinal) {
  const auto error = from(429, R"({"type":"error","error":{"type":"rate_limit_error","message":"x",
      "details":{"error_code":"enforced_spend_limit_reached"}}})");
  EXPECT_EQ(error.code, Code::llm_error);
  EXPECT_EQ(error.details.at("provider_code"), "enforced_spend_limit_reached");
}

TEST(Failures, ReadsGooglesStatusAndItsWait) {
  const auto error = from(429, google("RESOURCE_EXHAUSTED", kRetryInfo).c_str());
  EXPECT_EQ(error.code, Code::llm_unavailable);
  EXPECT_EQ(error.details.at("provider_code"), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(error.retry_after, 34'075ms);
  net::Headers headers;
  headers.add("Retry-After", "2");
  EXPECT_EQ(from(429, google("RESOURCE_EXHAUSTED", kRetryInfo).c_str(), headers).retry_after, 2'000ms);
  EXPECT_EQ(from(503, ("[" + google("UNAVAILABLE", "") + "]").c_str()).details.at("provider_code"), "UNAVAILABLE");
}

TEST(Failures, KnowsThatAQuotaOfADayIsFinal) {
  const auto failure = [](const char* quota) {
    return google("RESOURCE_EXHAUSTED",
                  (std::string(R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":")") +
                   quota + R"("}]},)" + kRetryInfo)
                      .c_str());
  };
  EXPECT_EQ(from(429, failure("GenerateRequestsPerDayPerProjectPerModel-FreeTier").c_str()).code, Code::llm_error);
  EXPECT_EQ(from(429, failure("GenerateRequestsPerMinutePerProjectPerModel").c_str()).code, Code::llm_unavailable);
}

TEST(Failures, NamesTheReasonOfARefusedKey) {
  const auto error = from(400, google("INVALID_ARGUMENT", R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo",
      "reason":"API_KEY_INVALID","domain":"googleapis.com"})")
                                   .c_str());
  EXPECT_EQ(error.code, Code::llm_error);
  EXPECT_NE(error.message.find("API_KEY_INVALID"), error.message.npos);
}

TEST(Failures, TakesNoNonsenseForAWait) {
  for (const char* delay : {"", "s", "-1s", "1e300s", "nans", "infs", "5", "5 s", "x5s"}) {
    const auto detail =
        std::string(R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")") + delay + "\"}";
    EXPECT_EQ(from(429, google("RESOURCE_EXHAUSTED", detail.c_str()).c_str()).retry_after, std::nullopt) << delay;
  }
}

TEST(Failures, RepeatsNothingOfWhatAVendorQuotes) {
  for (const char* body :
       {R"({"error":{"message":"Somebody's words","code":"Somebody's words","status":"Somebody's words",
            "type":"Somebody's words","details":[{"@type":"google.rpc.ErrorInfo","reason":"Somebody's words"}]}})",
        R"({"error":{"details":{"error_code":"Somebody's words"}}})", R"({"error":"Somebody's words"})",
        R"([{"error":"Somebody's words"}])"}) {
    const auto error = from(500, body);
    EXPECT_EQ((error.message + boost::json::serialize(error.details)).find("words"), std::string::npos) << body;
  }
}

TEST(Failures, TellsInTheMiddleOfAStreamWhatStaysWrong) {
  const auto of = [](const char* body) {
    return from_stream_error(read_vendor_error(std::string_view(body)), kServer).code;
  };
  EXPECT_EQ(of(R"({"type":"error","error":{"type":"overloaded_error"}})"), Code::llm_unavailable);
  EXPECT_EQ(of(R"({"type":"error","error":{"type":"api_error"}})"), Code::llm_unavailable);
  EXPECT_EQ(of(R"({"type":"error","error":{"type":"invalid_request_error"}})"), Code::llm_error);
  EXPECT_EQ(of(R"({"type":"error","error":{"type":"authentication_error"}})"), Code::llm_error);
  EXPECT_EQ(of(R"({"error":{"code":503,"status":"UNAVAILABLE"}})"), Code::llm_unavailable);
  EXPECT_EQ(of(R"({"error":{"code":400,"status":"INVALID_ARGUMENT"}})"), Code::llm_error);
  EXPECT_EQ(from_stream_error(read_vendor_error(std::string_view(google("RESOURCE_EXHAUSTED", kRetryInfo))), kServer)
                .retry_after,
            34'075ms);
}

}  // namespace
}  // namespace llm
