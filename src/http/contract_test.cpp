#include "http/contract.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "base/embedded.hpp"

namespace http {
namespace {

using base::Code;
using base::Error;
using base::json::object;

constexpr std::string_view kDocument = R"({
  "openapi": "3.1.0",
  "paths": {
    "/things": {
      "get": {
        "operationId": "list_things", "x-role": "coach", "x-rate-limit": "analysis",
        "parameters": [
          {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1}},
          {"name": "active_only", "in": "query", "schema": {"type": "boolean", "default": false}},
          {"name": "q", "in": "query", "schema": {"type": "string", "maxLength": 5}}],
        "responses": {"200": {"$ref": "#/components/responses/Things"}, "404": {"content": {"text/html": {}}}}},
      "post": {
        "operationId": "make_thing",
        "parameters": [{"name": "Idempotency-Key", "in": "header",
          "schema": {"type": "string", "minLength": 1, "maxLength": 8, "pattern": "^[!-~]+$", "x-pattern-means": "printable"}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
        "responses": {"201": {"content": {"application/json": {}, "text/event-stream": {}}}}}},
    "/things/{conversation_id}/pause": {
      "parameters": [{"name": "conversation_id", "in": "path", "required": true,
                      "schema": {"type": "string", "maxLength": 6, "pattern": "^c_[0-9]+$"}}],
      "post": {
        "operationId": "pause_thing", "x-public": true, "x-rate-limit": "none",
        "requestBody": {"content": {"application/json": {"schema": {
          "type": "object", "additionalProperties": false, "properties": {"reason": {"type": "string"}}}}}},
        "responses": {"204": {"description": "done"}}}}},
  "components": {
    "responses": {"Things": {"content": {"application/json": {}}}},
    "schemas": {
      "Text": {"type": "string", "minLength": 1, "maxLength": 10, "x-trim": true},
      "Thing": {"type": "object", "additionalProperties": false, "required": ["user_message"], "properties": {
        "user_message": {"$ref": "#/components/schemas/Text"},
        "metadata": {"type": "object", "additionalProperties": true}}}}}})";

struct Contracts : testing::Test {
  Contracts() : contract(kDocument) {}

  static Request post(std::string body) {
    Request request;
    request.method = "POST";
    request.headers = {{"content-type", "application/json"}, {"content-length", std::to_string(body.size())}};
    request.body = std::move(body);
    return request;
  }
  CheckedRequest check(std::string_view id, const Request& request) const {
    return contract.check(*contract.find(id), request);
  }
  Error refusal(std::string_view id, const Request& request) const {
    try {
      check(id, request);
    } catch (const Error& error) {
      return error;
    }
    return Error(Code::shutting_down, "accepted");
  }
  static std::string details(const Error& error) { return base::json::serialize(error.details); }

  Contract contract;
};

TEST_F(Contracts, DescribeOperations) {
  ASSERT_EQ(contract.operations().size(), 3u);
  const auto& list = *contract.find("list_things");
  EXPECT_EQ(list.method, "GET");
  EXPECT_EQ(list.path, "/things");
  EXPECT_EQ(list.role, "coach");
  EXPECT_EQ(list.rate_class, RateClass::analysis);
  EXPECT_FALSE(list.is_public);
  EXPECT_FALSE(list.has_body);
  EXPECT_EQ(list.produces, std::vector<std::string>{"application/json"});
  const auto& make = *contract.find("make_thing");
  EXPECT_EQ(make.role, "user");
  EXPECT_EQ(make.rate_class, RateClass::default_);
  EXPECT_TRUE(make.has_body && make.body_required);
  EXPECT_EQ(make.produces, (std::vector<std::string>{"application/json", "text/event-stream"}));
  const auto& pause = *contract.find("pause_thing");
  EXPECT_TRUE(pause.is_public);
  EXPECT_EQ(pause.role, "");
  EXPECT_EQ(pause.rate_class, RateClass::none);
  EXPECT_TRUE(pause.has_body && !pause.body_required);
  EXPECT_TRUE(pause.produces.empty());
  EXPECT_EQ(contract.find("unheard_of"), nullptr);
}

TEST_F(Contracts, AcceptWhatTheyDescribe) {
  auto request = post(R"({"user_message":"hello","metadata":{"a":[1,{"b":null}]}})");
  request.headers.emplace_back("idempotency-key", "k-1");
  request.headers.emplace_back("accept", "text/event-stream");
  const auto input = check("make_thing", request);
  EXPECT_EQ(input.body.at("user_message"), "hello");
  EXPECT_EQ(input.parameters.at("Idempotency-Key"), "k-1");
  EXPECT_EQ(input.media, "text/event-stream");
}

TEST_F(Contracts, MeasureTextWithoutTheWhiteSpaceAroundIt) {
  EXPECT_EQ(check("make_thing", post(R"({"user_message":"   \n 0123456789 \t"})")).body.at("user_message"),
            "0123456789");
  EXPECT_EQ(details(refusal("make_thing", post(R"({"user_message":" \u00a0 "})"))),
            R"([{"field":"user_message","message":"must not be empty"}])");
  EXPECT_EQ(details(refusal("make_thing", post(R"({"user_message":"0123456789x"})"))),
            R"([{"field":"user_message","message":"must be at most 10 characters; it has 11"}])");
}

TEST_F(Contracts, NameAllFaultsAtOnce) {
  const auto error = refusal("make_thing", post(R"({"user_mesage":"x","metadata":7})"));
  EXPECT_EQ(error.code, Code::validation_error);
  EXPECT_EQ(error.message, "3 things are wrong with the request; details lists them.");
  EXPECT_EQ(details(error), R"([{"field":"user_message","message":"is missing; it must be a string"},)"
                            R"({"field":"metadata","message":"must be an object; it is a number"},)"
                            R"({"field":"user_mesage","message":"is not a known field; did you mean user_message?"}])");
  EXPECT_EQ(refusal("make_thing", post("[]")).message, "The body must be an object; it is a list.");
}

TEST_F(Contracts, RefuseNulInText) {
  const auto error = refusal("make_thing", post(R"({"user_message":"a\u0000b","metadata":{"x":["\u0000"]}})"));
  EXPECT_EQ(error.code, Code::validation_error);
  EXPECT_EQ(details(error), R"([{"field":"user_message","message":"must not hold the character U+0000"},)"
                            R"({"field":"metadata.x[0]","message":"must not hold the character U+0000"}])");
}

TEST_F(Contracts, RefuseBodiesThatAreNoJson) {
  for (const auto& body :
       {std::string("{"), std::string("user_message=hello"), std::string("{\"user_message\":\"\xC3\x28\"}"),
        std::string("{\"user_message\":\"\xED\xA0\x80\"}"), std::string("{\"user_message\":\"a\0b\"}", 22),
        R"({"user_message":"x"} {})" + std::string(), std::string(5000, '['), std::string("\xEF\xBB\xBF{}"),
        std::string("{\"user_message\":\"private words")}) {
    const auto error = refusal("make_thing", post(body));
    EXPECT_EQ(error.code, Code::bad_request) << body;
    EXPECT_EQ(error.message.find("private"), std::string::npos);
  }
}

TEST_F(Contracts, WantABodyAndItsLengthAndItsType) {
  EXPECT_EQ(refusal("make_thing", post("")).code, Code::bad_request);
  EXPECT_EQ(refusal("make_thing", Request{}).code, Code::length_required);
  auto form = post(R"({"user_message":"x"})");
  form.headers[0].second = "application/x-www-form-urlencoded";
  EXPECT_EQ(refusal("make_thing", form).code, Code::unsupported_media_type);
  form.headers.erase(form.headers.begin());
  EXPECT_EQ(refusal("make_thing", form).code, Code::unsupported_media_type);
}

TEST_F(Contracts, TakeNoBodyWhereItIsOptional) {
  Request request;
  request.path_parameters = {{"conversation_id", "c_12"}};
  EXPECT_TRUE(check("pause_thing", request).body.is_null());
  auto with = post(R"({"reason":"lunch"})");
  with.path_parameters = request.path_parameters;
  EXPECT_EQ(check("pause_thing", with).body.at("reason"), "lunch");
  EXPECT_EQ(check("pause_thing", with).parameters.at("conversation_id"), "c_12");
}

TEST_F(Contracts, HideThatAnIdCannotBeOne) {
  for (const auto* id : {"", "c_", "x", "c_1234567", "c_12\n", "c_12%00"}) {
    Request request;
    request.path_parameters = {{"conversation_id", id}};
    EXPECT_EQ(refusal("pause_thing", request).code, Code::conversation_not_found) << id;
  }
  EXPECT_EQ(refusal("pause_thing", Request{}).code, Code::conversation_not_found);
}

TEST_F(Contracts, ReadQueriesByTheirTypes) {
  Request request;
  EXPECT_EQ(check("list_things", request).parameters, (object{{"page", 1}, {"active_only", false}}));
  request.query = {{"page", "9"}, {"active_only", "true"}, {"q", "7"}};
  EXPECT_EQ(check("list_things", request).parameters, (object{{"page", 9}, {"active_only", true}, {"q", "7"}}));
}

TEST_F(Contracts, NameAllFaultsOfAQuery) {
  Request request;
  request.query = {{"page", "1x"}, {"active_only", "yes"}, {"q", "toolong"}, {"pgae", "2"}, {"zzz", "1"}};
  EXPECT_EQ(details(refusal("list_things", request)),
            R"([{"field":"page","message":"must be a whole number"},)"
            R"({"field":"active_only","message":"must be true or false"},)"
            R"({"field":"q","message":"must be at most 5 characters; it has 7"},)"
            R"({"field":"pgae","message":"is not a known parameter; did you mean page?"},)"
            R"({"field":"zzz","message":"is not a known parameter; allowed are page, active_only, q"}])");
  for (const auto* page : {"", " 1", "+1", "1.0", "0x1", "99999999999999999999", "0", "10"}) {
    request.query = {{"page", page}};
    EXPECT_EQ(refusal("list_things", request).code, Code::validation_error) << page;
  }
  request.query = {{"page", "1"}, {"page", "2"}};
  EXPECT_EQ(details(refusal("list_things", request)), R"([{"field":"page","message":"is given more than once"}])");
}

TEST_F(Contracts, LetHealthChecksAddWhatTheyLikeToAPathWithoutParameters) {
  auto request = post(R"({"user_message":"x"})");
  request.query = {{"cache", "no"}};
  EXPECT_NO_THROW(check("make_thing", request));
}

TEST_F(Contracts, RefuseMalformedHeaders) {
  for (const auto* key : {"", "a b", "0123456789", "\xC3\xA9"}) {
    auto request = post(R"({"user_message":"x"})");
    request.headers.emplace_back("idempotency-key", key);
    const auto error = refusal("make_thing", request);
    EXPECT_EQ(error.code, Code::bad_request) << key;
    EXPECT_TRUE(error.message.starts_with("The header Idempotency-Key must")) << error.message;
  }
}

TEST_F(Contracts, RefuseToAnswerInAnUnwantedForm) {
  Request request;
  request.headers = {{"accept", "text/html"}};
  const auto error = refusal("list_things", request);
  EXPECT_EQ(error.code, Code::not_acceptable);
  EXPECT_EQ(details(error), R"({"available":["application/json"]})");
  request.path_parameters = {{"conversation_id", "c_1"}};
  EXPECT_NO_THROW(check("pause_thing", request));
}

TEST_F(Contracts, CanBeUsedByManyThreadsFromTheFirstCall) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i)
        EXPECT_EQ(check("make_thing", post(R"({"user_message":"x"})")).body.at("user_message"), "x");
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Contract, SaysWhatIsWrongWithADocument) {
  for (const auto* document : {"", "[]", "{}", R"({"paths":{"/":{"get":{}}}})",
                               R"({"paths":{"/":{"get":{"operationId":"x","x-rate-limit":"fast"}}}})"}) {
    EXPECT_THROW(Contract{document}, base::Error) << document;
  }
  const Contract lazy(R"({"paths":{"/":{"get":{"operationId":"x","parameters":[
      {"name":"q","in":"query","schema":{"$ref":"#/nowhere"}}]}}}})");
  EXPECT_THROW(lazy.compile_all(), base::Error);
}

TEST(Contract, OfTheServerCompiles) {
  const auto document = base::embedded("openapi.json");
  ASSERT_TRUE(document);
  const Contract contract(*document);
  EXPECT_NO_THROW(contract.compile_all());
  for (const auto* id : {"initiate_conversation", "send_message", "get_conversation", "list_conversations",
                         "turn_events", "pause_conversation", "resume_conversation", "complete_conversation",
                         "cancel_conversation", "delete_conversation", "list_topics", "get_health", "get_readiness"}) {
    EXPECT_NE(contract.find(id), nullptr) << id;
  }
}

}  // namespace
}  // namespace http
