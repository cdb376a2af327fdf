#include "http/errors.hpp"

#include <gtest/gtest.h>

namespace http {
namespace {

using base::Code;
using base::Error;

struct Row {
  Code code;
  int status;
};

class ErrorCodes : public testing::TestWithParam<Row> {};

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST_P(ErrorCodes, HasTheContractsStatusAndShape) {
  const auto [code, status] = GetParam();
  const auto response = to_response(Error(code, "what happened", base::json::object{{"a", 1}}), "req_1");
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(response.content_type, "application/json");
  const auto body = base::parse_json(response.body).as_object();
  EXPECT_EQ(body.size(), 4u);
  EXPECT_EQ(body.at("error"), base::json::value(to_string(code)));
  EXPECT_EQ(body.at("request_id"), "req_1");
  // What happened inside, or at a model's server, does not leave ours.
  if (status == 500 || to_string(code).starts_with("llm_")) {
    EXPECT_EQ(response.body.find("what happened"), std::string::npos);
    EXPECT_TRUE(body.at("details").is_null());
  } else {
    EXPECT_EQ(body.at("message"), "What happened");
    EXPECT_EQ(body.at("details"), (base::json::object{{"a", 1}}));
  }
  EXPECT_EQ(header(response, "WWW-Authenticate").empty(), status != 401);
}

INSTANTIATE_TEST_SUITE_P(
    All, ErrorCodes,
    testing::Values(Row{Code::bad_request, 400}, Row{Code::missing_token, 401}, Row{Code::invalid_token, 401},
                    Row{Code::forbidden, 403}, Row{Code::not_found, 404}, Row{Code::conversation_not_found, 404},
                    Row{Code::analysis_not_found, 404}, Row{Code::topic_not_found, 404}, Row{Code::job_not_found, 404},
                    Row{Code::method_not_allowed, 405}, Row{Code::not_acceptable, 406}, Row{Code::length_required, 411},
                    Row{Code::payload_too_large, 413}, Row{Code::unsupported_media_type, 415},
                    Row{Code::conversation_not_active, 409}, Row{Code::turn_in_progress, 409}, Row{Code::conflict, 409},
                    Row{Code::idempotency_mismatch, 409}, Row{Code::validation_error, 422},
                    Row{Code::domain_validation_error, 422}, Row{Code::rate_limit_exceeded, 429},
                    Row{Code::quota_exceeded, 429}, Row{Code::internal_error, 500}, Row{Code::llm_error, 502},
                    Row{Code::llm_unavailable, 503}, Row{Code::llm_timeout, 504},
                    Row{Code::dependency_unavailable, 503}, Row{Code::shutting_down, 503}),
    [](const auto& row) { return std::string(base::to_string(row.param.code)); });

TEST(Errors, TellAClientNothingOfTheModelsServer) {
  const base::Error error(base::Code::llm_unavailable, "the model server 10.0.0.7:8080 answered 503",
                          {{"status", 503}});
  const auto body = base::parse_json(to_response(error, "req_1").body);
  EXPECT_EQ(body.at("message").as_string().find("10.0.0.7"), std::string::npos);
  EXPECT_TRUE(body.at("details").is_null());
}

TEST(Errors, OfTheStoreNameNoFile) {
  const Error error(Code::dependency_unavailable, "the disk of /var/lib/x.db is full",
                    base::json::object{{"reason", "disk full"}, {"file", "/var/lib/x.db"}});
  const auto response = to_response(error, "req_1");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body.find("x.db"), std::string::npos);
  EXPECT_EQ(base::parse_json(response.body).at("details"), (base::json::object{{"dependency", "store"}}));
}

TEST(Errors, AreSentencesUnlessTheyBeginWithAName) {
  const auto message = [](const char* text) {
    const auto body = base::parse_json(to_response(Error(Code::conflict, text), "req_1").body);
    return std::string(body.at("message").as_string());
  };
  EXPECT_EQ(message("the coach is away"), "The coach is away");
  EXPECT_EQ(message("Wait."), "Wait.");
  EXPECT_EQ(message("user_message is missing"), "user_message is missing");
  EXPECT_EQ(message("page[0] is missing"), "page[0] is missing");
  EXPECT_EQ(message("äther"), "äther");
  EXPECT_EQ(message(""), "");
}

TEST(Errors, RoundRetryAfterUpToWholeSeconds) {
  const auto after = [](int milliseconds) {
    Error error(Code::rate_limit_exceeded, "slow down");
    error.retry_after = base::Milliseconds(milliseconds);
    return header(to_response(error, "req_1"), "Retry-After");
  };
  EXPECT_EQ(after(0), "1");
  EXPECT_EQ(after(1000), "1");
  EXPECT_EQ(after(1001), "2");
  EXPECT_EQ(header(to_response(Error(Code::rate_limit_exceeded, ""), "r"), "Retry-After"), "");
}

TEST(Errors, ChallengeByRfc6750) {
  EXPECT_EQ(header(to_response(Error(Code::missing_token, "none"), "r"), "WWW-Authenticate"),
            R"(Bearer realm="purposepath")");
  EXPECT_EQ(header(to_response(Error(Code::invalid_token, "It \"is\"\r\nöld."), "r"), "WWW-Authenticate"),
            R"(Bearer realm="purposepath", error="invalid_token", error_description="It ?is?????ld.")");
}

TEST(Errors, NameTheAllowedMethods) {
  const Error error(Code::method_not_allowed, "no", base::json::object{{"allow", base::json::array{"GET", "DELETE"}}});
  EXPECT_EQ(header(to_response(error, "r"), "Allow"), "GET, DELETE");
}

TEST(Errors, CarryTheRuleOfCoachingAndTheListOfFaults) {
  const Error rule(Code::domain_validation_error, "full", base::json::object{{"rule", "max_turns_reached"}});
  EXPECT_EQ(base::parse_json(to_response(rule, "r").body).at_pointer("/details/rule"), "max_turns_reached");
  const Error faults(Code::validation_error, "bad", base::json::array{{{"field", "topic"}, {"message", "is missing"}}});
  EXPECT_EQ(base::parse_json(to_response(faults, "r").body).at_pointer("/details/0/field"), "topic");
  EXPECT_TRUE(base::parse_json(to_response(Error(Code::conflict, "x", "text"), "r").body).at("details").is_null());
}

}  // namespace
}  // namespace http
