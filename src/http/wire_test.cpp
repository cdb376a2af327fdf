#include "http/wire.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "http/sse.hpp"

namespace http {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

Request from(std::string origin, std::string method = "GET") {
  Request request;
  request.method = std::move(method);
  request.id = "req_1";
  if (!origin.empty()) request.headers = {{"origin", std::move(origin)}};
  return request;
}

std::string head_of(const Response& response, const Request& request = from(""), const CorsOptions& cors = {}) {
  std::string out;
  append_head(out, {request, response, Cors(cors), "Sun, 06 Nov 1994 08:49:37 GMT"});
  return out;
}

TEST(Head, HoldsStatusLengthTypeAndRequestId) {
  Response response;
  response.status = 201;
  response.body = "{}";
  response.headers = {{"Location", "/x"}};
  EXPECT_EQ(head_of(response),
            "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Request-Id: req_1\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\nX-Content-Type-Options: nosniff\r\n"
            "Cache-Control: no-store\r\nLocation: /x\r\n\r\n");
}

TEST(Head, CannotBeSplitByAHeaderValue) {
  Response response;
  response.headers = {{"Location", "/x\r\nSet-Cookie: a=b"}, {"X-Fine", "yes"}};
  EXPECT_FALSE(contains(head_of(response), "Set-Cookie"));
  EXPECT_TRUE(contains(head_of(response), "X-Fine: yes\r\n"));
}

TEST(Head, ProtectsPages) {
  Response page;
  page.content_type = "text/html; charset=utf-8";
  EXPECT_TRUE(contains(head_of(page), "Content-Security-Policy: default-src 'self'"));
  page.headers = {{"content-security-policy", "default-src 'none'"}, {"Cache-Control", "max-age=60"}};
  EXPECT_FALSE(contains(head_of(page), "'self'"));
  EXPECT_FALSE(contains(head_of(page), "no-store"));
}

TEST(Head, WritesDatesAsHttpWantsThem) {
  EXPECT_EQ(format_http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(RequestId, IsTakenOnlyWhenWellFormed) {
  EXPECT_TRUE(is_request_id("req_01:a.B-9"));
  EXPECT_TRUE(is_request_id(std::string(128, 'a')));
  for (const auto& text :
       {std::string(), std::string(129, 'a'), std::string("a b"), std::string("a\"b"), std::string("\u00e9")}) {
    EXPECT_FALSE(is_request_id(text)) << text;
  }
}

TEST(Cors, AllowsListedOriginsAndNoOthers) {
  const Cors cors({.origins = {"https://app.example.com", "https://*.example.org", "http://localhost:5173"}});
  for (const auto* origin :
       {"https://app.example.com", "https://a.example.org", "https://a.b.example.org", "http://localhost:5173"}) {
    EXPECT_TRUE(cors.allows(origin)) << origin;
  }
  for (const auto* origin : {"http://app.example.com", "https://app.example.com:444", "https://example.org",
                             "https://.example.org", "https://badexample.org", "https://evil.com/.example.org",
                             "https://a@b.example.org", "null", "", "http://localhost"}) {
    EXPECT_FALSE(cors.allows(origin)) << origin;
  }
}

TEST(Cors, AnswersPreflightForKnownOrigins) {
  const CorsOptions options{
      .origins = {"https://app.example.com"}, .credentials = true, .max_age = base::Milliseconds(60'000)};
  auto request = from("https://app.example.com", "OPTIONS");
  EXPECT_FALSE(Cors(options).preflight(request)) << "it asks for no method: not a preflight";
  request.headers.emplace_back("access-control-request-method", "POST");
  const auto answer = Cors(options).preflight(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  const auto head = head_of(*answer, request, options);
  EXPECT_TRUE(contains(head, "Access-Control-Allow-Origin: https://app.example.com\r\n"));
  EXPECT_TRUE(contains(head, "Access-Control-Allow-Credentials: true\r\n"));
  EXPECT_TRUE(contains(head, "Access-Control-Allow-Methods: GET, HEAD, POST"));
  EXPECT_TRUE(contains(head, "Access-Control-Allow-Headers: Authorization, "));
  EXPECT_TRUE(contains(head, "Access-Control-Max-Age: 60\r\n"));
  EXPECT_TRUE(contains(head, "Vary: Origin\r\n"));
}

TEST(Cors, GivesUnknownOriginsNoHeaders) {
  const CorsOptions options{.origins = {"https://app.example.com"}};
  auto request = from("https://evil.example", "OPTIONS");
  request.headers.emplace_back("access-control-request-method", "POST");
  const auto answer = Cors(options).preflight(request);
  ASSERT_TRUE(answer);
  const auto head = head_of(*answer, request, options);
  EXPECT_FALSE(contains(head, "Access-Control")) << head;
  EXPECT_TRUE(contains(head, "Vary: Origin\r\n"));
  EXPECT_FALSE(contains(head_of({}, from("https://evil.example")), "Access-Control"));
}

TEST(Cors, TakesAnyOriginWithoutCredentialsOnly) {
  const auto head = head_of({}, from("https://x.example"), {.origins = {"*"}});
  EXPECT_TRUE(contains(head, "Access-Control-Allow-Origin: *\r\n"));
  EXPECT_TRUE(contains(head, "Access-Control-Expose-Headers: X-Request-Id, "));
  EXPECT_FALSE(contains(head, "Vary"));
  EXPECT_THROW(Cors({.origins = {"*"}, .credentials = true}), base::Error);
}

TEST(Cors, RefusesWhatIsNoOrigin) {
  for (const auto* origin : {"app.example.com", "https://", "https://a/b", "https://a.*.b", "", "ftp://a"}) {
    EXPECT_THROW(Cors({.origins = {origin}}), base::Error) << origin;
  }
}

TEST(EventStream, WritesIdEventAndEveryLineOfData) {
  EXPECT_EQ(format_event("7", "delta", R"({"text":"a"})"), "id: 7\nevent: delta\ndata: {\"text\":\"a\"}\n\n");
  EXPECT_EQ(format_event("", "", "a\nb\r\nc\rd\n"), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  EXPECT_EQ(format_event("1\n2", "x\r\ny", ""), "id: 12\nevent: xy\ndata: \n\n");
}

}  // namespace
}  // namespace http
