#include "http/router.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace http {
namespace {

Request request_for(std::string method, std::string target) {
  Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  parse_target(request);
  return request;
}

Router<int> example() {
  Router<int> router;
  router.add("GET", "/", 1);
  router.add("GET", "/api/v1/conversations", 2);
  router.add("POST", "/api/v1/conversations/initiate", 3);
  router.add("GET", "/api/v1/conversations/{id}", 4);
  router.add("DELETE", "/api/v1/conversations/{id}", 5);
  router.add("POST", "/api/v1/conversations/{id}/message", 6);
  router.add("GET", "/api/v1/conversations/{id}/turns/{turn}/events", 7);
  router.add("GET", "/docs", 8);
  router.add("GET", "/docs/{file...}", 9);
  return router;
}

base::Error refusal(std::string method, std::string target) {
  auto request = request_for(std::move(method), std::move(target));
  const auto router = example();
  try {
    router.match(request);
  } catch (const base::Error& error) {
    return error;
  }
  return {base::Code::internal_error, "it was matched"};
}

TEST(Router, FindsTheRouteOfAMethodAndAPath) {
  const auto router = example();
  const std::vector<std::tuple<std::string, std::string, int>> cases{
      {"GET", "/", 1},
      {"GET", "/?a=b", 1},
      {"GET", "/api/v1/conversations", 2},
      {"GET", "/api/v1/conversations/", 2},
      {"GET", "/api/v1/conversations/?page=2", 2},
      {"POST", "/api/v1/conversations/initiate", 3},
      {"GET", "/api/v1/conversations/conv_1", 4},
      {"HEAD", "/api/v1/conversations/conv_1", 4},
      {"DELETE", "/api/v1/conversations/conv_1/", 5},
      {"POST", "/api/v1/conversations/conv_1/message", 6},
      {"GET", "/api/v1/conversations/initiate/turns/t/events", 7},
      {"GET", "http://host/api/v1/conversations/conv_1", 4},
      {"GET", "/docs/", 8},
      {"GET", "/docs/a/b.css", 9},
  };
  for (const auto& [method, target, wanted] : cases) {
    auto request = request_for(method, target);
    EXPECT_EQ(router.match(request).target, wanted) << method << ' ' << target;
  }
}

TEST(Router, GivesDecodedParametersAndThePattern) {
  const auto router = example();
  auto request = request_for("GET", "/api/v1/conversations/a%2Fb%20c/turns/turn_1/events?x=1");
  router.match(request);
  EXPECT_EQ(request.path_value("id"), "a/b c");
  EXPECT_EQ(request.path_value("turn"), "turn_1");
  EXPECT_EQ(request.path_value("other"), "");
  EXPECT_EQ(request.notes.route, "/api/v1/conversations/{id}/turns/{turn}/events");
  auto file = request_for("GET", "/docs/assets/app.js");
  router.match(file);
  EXPECT_EQ(file.path_value("file"), "assets/app.js");
}

TEST(Router, TellsAnUnknownPathFromAnotherMethod) {
  for (const auto* target :
       {"/nothing", "/api", "/api/v1/conversations/a/b", "//", "/api/v1//conversations", "/docsx"}) {
    EXPECT_EQ(refusal("GET", target).code, base::Code::not_found) << target;
  }
  const auto error = refusal("PUT", "/api/v1/conversations/conv_1");
  EXPECT_EQ(error.code, base::Code::method_not_allowed);
  EXPECT_EQ(error.details.at("allow"), (boost::json::array{"DELETE", "GET", "HEAD"}));
  EXPECT_EQ(refusal("HEAD", "/api/v1/conversations/conv_1/message").details.at("allow"), boost::json::array{"POST"});
}

TEST(Target, IsDecodedIntoPathAndQuery) {
  const auto request = request_for("GET", "/a%C3%A9/b?x=1&y=a+b%26&empty&x=2#part");
  EXPECT_EQ(request.path, "/a\u00e9/b");
  EXPECT_EQ(request.query_value("x"), "1");
  EXPECT_EQ(request.query_value("y"), "a b&");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("none"), std::nullopt);
  EXPECT_EQ(request.query.size(), 4u);
  EXPECT_EQ(request_for("OPTIONS", "*").path, "*");
  EXPECT_EQ(request_for("GET", "http://host?a=1").path, "/");
}

TEST(Target, IsRefusedWhenItIsNoPathOfText) {
  for (const auto* target : {"", "x", "*", "/%", "/%4", "/%zz", "/\x01", "/\xff", "/?a=%", "/?a=%ff", "ftp://a/b"}) {
    EXPECT_THROW(request_for("GET", target), base::Error) << target;
  }
}

TEST(Caller, HasARoleWhenItHasItOrAHigherOne) {
  Caller caller{.roles = {"coach"}};
  EXPECT_TRUE(caller.has_role("user"));
  EXPECT_TRUE(caller.has_role("coach"));
  EXPECT_FALSE(caller.has_role("admin"));
  EXPECT_FALSE(caller.has_role("unheard of"));
  EXPECT_FALSE(Caller{.roles = {"unheard of"}}.has_role("user"));
}

}  // namespace
}  // namespace http
