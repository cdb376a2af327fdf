#include "http/server.hpp"

#include <gtest/gtest.h>

#include "http/server_fixture_test.hpp"

namespace http {
namespace {

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

std::string post(std::string_view body, std::string_view more = "") {
  return fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n{}", more, body.size(), body);
}

TEST(Server, AnswersRequestAfterRequestOnOneConnection) {
  TestServer server;
  auto client = server.client();
  for (int i = 0; i < 3; ++i) {
    const auto got = client.exchange(kHello);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, R"({"hello":"you"})");
    EXPECT_TRUE(got.has("Content-Type: application/json\r\n"));
    EXPECT_FALSE(got.has("Connection: close"));
  }
  EXPECT_EQ(client.exchange(post("one")).body, "one");
  EXPECT_EQ(client.exchange(post("")).body, "");
  EXPECT_EQ(client.exchange(kHello).status, 200);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  auto client = server.client();
  std::string all;
  for (int i = 0; i < 500; ++i)
    all += i % 2 == 0 ? post(std::to_string(i)) : fmt::format("GET /hello?name={} HTTP/1.1\r\nHost: x\r\n\r\n", i);
  std::jthread sender([&] { client.send(all); });
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(client.response().body, i % 2 == 0 ? std::to_string(i) : fmt::format(R"({{"hello":"{}"}})", i));
  }
}

TEST(Server, TakesRequestsInAnyPieces) {
  TestServer server;
  auto client = server.client();
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: ignored\r\n\r\n";
  for (const char byte : chunked) client.send({&byte, 1});
  EXPECT_EQ(client.response().body, "hello world");
  const auto plain = post("12345");
  for (std::size_t cut = 1; cut < plain.size(); ++cut) {
    client.send(plain.substr(0, cut));
    client.send(plain.substr(cut));
    ASSERT_EQ(client.response().body, "12345") << "cut at " << cut;
  }
}

TEST(Server, KeepsTheBodyByteForByte) {
  TestServer server;
  auto client = server.client();
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += static_cast<char>(i * 7 + i / 251);
  std::jthread sender([&] { client.send(post(body)); });
  EXPECT_EQ(client.response().body, body);
}

TEST(Server, SpeaksHttp10) {
  TestServer server;
  auto once = server.client();
  const auto got = once.exchange("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(got.status, 200);
  EXPECT_TRUE(got.has("Connection: close\r\n"));
  EXPECT_TRUE(once.ended());
  auto kept = server.client();
  EXPECT_TRUE(kept.exchange("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").has("Connection: keep-alive\r\n"));
  EXPECT_EQ(kept.exchange("GET /hello HTTP/1.0\r\n\r\n").status, 200);
  auto streamed = server.client();
  server.gate.open();
  streamed.send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(streamed.response(true).has("Transfer-Encoding"));
  EXPECT_EQ(streamed.until("data: 2\n\n"), "data: 1\n\ndata: 2\n\n");
  EXPECT_TRUE(streamed.ended());
}

TEST(Server, ClosesWhenAskedTo) {
  TestServer server;
  auto client = server.client();
  EXPECT_TRUE(
      client.exchange("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").has("Connection: close\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST(Server, AnswersHeadWithoutTheBody) {
  TestServer server;
  auto client = server.client();
  client.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.response(true).has("Content-Length: 15\r\n"));
  client.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.response(true).has("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(client.exchange(kHello).body, R"({"hello":"you"})");
}

TEST(Server, SendsNoLengthWithNoContent) {
  TestServer server;
  auto client = server.client();
  const auto got = client.exchange("POST /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(got.status, 204);
  EXPECT_FALSE(got.has("Content-Length"));
  EXPECT_FALSE(got.has("Content-Type:"));
  EXPECT_EQ(client.exchange(kHello).status, 200);
}

TEST(Server, SaysContinueToAClientThatWaits) {
  TestServer server;
  auto client = server.client();
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.exchange("abc").body, "abc");
  auto eager = server.client();
  eager.send(post("abc", "Expect: 100-continue\r\n"));
  EXPECT_EQ(eager.response(true).status, 200);
}

TEST(Server, RefusesTooLargeABodyBeforeReadingIt) {
  TestServer server({.max_body_bytes = 1000});
  auto client = server.client();
  const auto got = client.exchange(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nX-Request-Id: mine\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(got.status, 413);
  EXPECT_TRUE(got.has("Connection: close\r\n"));
  EXPECT_TRUE(got.has("X-Request-Id: mine\r\n"));
  const auto value = base::json::parse(got.body);
  EXPECT_EQ(value.at("error").as_string(), "payload_too_large");
  EXPECT_EQ(value.at("request_id").as_string(), "mine");
  EXPECT_EQ(server.client().exchange(post(std::string(1000, 'x'))).status, 200);
}

TEST(Server, CountsChunksAgainstTheLimitOfTheBody) {
  TestServer server({.max_body_bytes = 1000});
  auto client = server.client();
  const std::string chunk = fmt::format("{:x}\r\n{}\r\n", 400, std::string(400, 'x'));
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk);
  client.send(chunk);
  EXPECT_EQ(client.response().status, 413);
}

TEST(Server, DeliversTheRefusalToAClientThatGoesOnSending) {
  TestServer server;
  auto client = server.client();
  std::jthread sender([&] { client.send(post(std::string(10'000'000, 'x'))); });
  EXPECT_EQ(client.response().status, 413);
}

TEST(Server, RefusesTooLargeAHeader) {
  TestServer server({.max_header_bytes = 2000});
  const std::string head = "GET /hello HTTP/1.1\r\nHost: x\r\n";
  for (const auto& request :
       {head + "X: " + std::string(3000, 'x'), head + "X: " + std::string(2000, 'x') + "\r\n\r\n",
        "GET /" + std::string(3000, 'x'), std::string(40, 'G') + " / HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    auto client = server.client();
    EXPECT_EQ(client.exchange(request).status, 400);
    EXPECT_TRUE(client.ended());
  }
  std::string many = head;
  for (int i = 0; i < 150; ++i) many += "A: b\r\n";
  EXPECT_EQ(server.client().exchange(many + "\r\n").status, 400);
  EXPECT_EQ(server.client().exchange(head + "X: " + std::string(1900, 'x') + "\r\n\r\n").status, 200);
}

class Malformed : public testing::TestWithParam<std::string> {};

TEST_P(Malformed, GetsTheErrorShapeAndTheConnectionEnds) {
  TestServer server;
  auto client = server.client();
  const auto got = client.exchange(GetParam());
  EXPECT_EQ(got.status, 400);
  const auto value = base::json::parse(got.body);
  EXPECT_EQ(value.at("error").as_string(), "bad_request");
  EXPECT_TRUE(value.at("details").is_null());
  EXPECT_TRUE(std::string_view(value.at("request_id").as_string()).starts_with("req_"));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server.client().exchange(kHello).status, 200);
}

INSTANTIATE_TEST_SUITE_P(
    Server, Malformed,
    testing::Values(
        "\x16\x03\x01\x02\x01 this is TLS\r\n\r\n", "GET\r\n\r\n", "GET /hello\r\n\r\n", "GET  /hello HTTP/1.1\r\n\r\n",
        "GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", "GET /hello HTTP/1.1\nHost: x\n\n", "GET /hello HTTP/1.1\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET /hello HTTP/1.1\r\nHost x\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", "GET /hello HTTP/1.1\r\nHost: x\r\nA : c\r\n\r\n",
        std::string("GET /hello HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 38), "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"));

TEST(Server, KeepsTheConnectionAfterATargetItCannotRead) {
  TestServer server;
  auto client = server.client();
  EXPECT_EQ(client.exchange("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n").status, 400);
  EXPECT_EQ(client.exchange("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
  EXPECT_EQ(client.exchange("DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n").status, 405);
  EXPECT_EQ(client.exchange("\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST(Server, TellsAHandlerThatItsClientLeft) {
  TestServer server;
  auto client = server.client();
  client.send("GET /linger HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(server.becomes([&] { return server.here == 1; }));
  EXPECT_EQ(server.left, 0);
  client.leave();
  EXPECT_TRUE(server.becomes([&] { return server.left == 1; }));
}

TEST(Server, TurnsWhatIsThrownIntoAResponse) {
  TestServer server;
  auto client = server.client();
  EXPECT_EQ(client.exchange("GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n").status, 409);
  const auto got = client.exchange("GET /fail HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(got.status, 500);
  EXPECT_EQ(got.body.find("somebody"), std::string::npos);
  EXPECT_EQ(client.exchange(kHello).status, 200);
  const auto log = server.log();
  EXPECT_NE(log.find("std::runtime_error"), std::string::npos);
  EXPECT_EQ(log.find("somebody"), std::string::npos);
}

TEST(Server, GivesEveryRequestAnId) {
  TestServer server;
  auto client = server.client();
  EXPECT_TRUE(client.exchange("GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: a:b.c-1\r\n\r\n")
                  .has("X-Request-Id: a:b.c-1\r\n"));
  EXPECT_TRUE(client.exchange("GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n").has("X-Request-Id: req_"));
  EXPECT_TRUE(client.exchange(kHello).has("X-Request-Id: req_"));
}

TEST(Server, LogsOneLineARequestAndCountsIt) {
  TestServer server;
  {
    auto client = server.client();
    client.exchange(post("abc", "X-Request-Id: r1\r\n"));
    client.exchange("GET /secret-of-somebody HTTP/1.1\r\nHost: x\r\nX-Request-Id: r2\r\n\r\n");
    client.exchange("BREW /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: r3\r\n\r\n");
  }
  ASSERT_TRUE(server.becomes([&] { return server.log().find("\"r3\"") != std::string::npos; }));
  const auto log = server.log();
  EXPECT_EQ(log.find("secret-of-somebody"), std::string::npos);
  const auto line = base::json::parse(log.substr(0, log.find('\n')));
  EXPECT_EQ(line.at("event").as_string(), "request");
  EXPECT_EQ(line.at("method").as_string(), "POST");
  EXPECT_EQ(line.at("route").as_string(), "/echo");
  EXPECT_EQ(line.at("status").as_int64(), 200);
  EXPECT_EQ(line.at("user_id").as_string(), "user_1");
  EXPECT_EQ(line.at("bytes_in").as_int64(), static_cast<std::int64_t>(post("abc", "X-Request-Id: r1\r\n").size()));
  EXPECT_GT(line.at("bytes_out").as_int64(), 100);
  const auto text = server.metrics.prometheus_text();
  for (const auto* wanted : {"purposepath_http_requests_total{route=\"/echo\",method=\"POST\",status=\"200\"} 1\n",
                             "purposepath_http_requests_total{route=\"-\",method=\"GET\",status=\"404\"} 1\n",
                             "purposepath_http_requests_total{route=\"/hello\",method=\"OTHER\",status=\"405\"} 1\n",
                             "purposepath_http_request_duration_seconds_count{route=\"/echo\"} 1\n"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\n" << text;
  }
}

TEST(Server, AnswersPreflightBeforeTheApplication) {
  TestServer server({.cors = {.origins = {"https://app.example.com"}}});
  auto client = server.client();
  const auto got = client.exchange(
      "OPTIONS /fail HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example.com\r\nAccess-Control-Request-Method: "
      "POST\r\n\r\n");
  EXPECT_EQ(got.status, 204);
  EXPECT_TRUE(got.has("Access-Control-Allow-Origin: https://app.example.com\r\n"));
  const auto refused = client.exchange("GET /fail HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example.com\r\n\r\n");
  EXPECT_TRUE(refused.has("Access-Control-Allow-Origin: https://app.example.com\r\n")) << "pages must see errors, too";
}

TEST(Server, ServesAThousandConnections) {
  TestServer server;
  std::vector<RawClient> clients;
  for (int i = 0; i < 1000; ++i) clients.push_back(server.client());
  for (auto& client : clients) client.send(kHello);
  for (auto& client : clients) ASSERT_EQ(client.response().status, 200);
  EXPECT_EQ(server.server().open_connections(), 1000);
  for (auto& client : clients) ASSERT_EQ(client.exchange(kHello).status, 200);
  clients.clear();
  EXPECT_TRUE(server.becomes([&] { return server.server().open_connections() == 0; }));
}

TEST(Server, ClosesTheLongestIdleConnectionWhenThereAreTooMany) {
  TestServer server({.threads = 1, .max_connections = 2});
  auto first = server.client();
  EXPECT_EQ(first.exchange(kHello).status, 200);
  auto second = server.client();
  EXPECT_EQ(second.exchange(kHello).status, 200);
  auto third = server.client();
  EXPECT_EQ(third.exchange(kHello).status, 200);
  EXPECT_TRUE(first.ended());
}

TEST(Server, SaysWhichAddressItCannotHave) {
  TestServer server;
  telemetry::Registry metrics;
  const base::SystemClock clock;
  base::FakeRandom random;
  base::Ids ids(clock, random);
  telemetry::Log log(STDERR_FILENO, telemetry::Level::error, clock);
  const ServerEnvironment environment{log, metrics, clock, ids};
  const auto refusal = [&](ServerOptions options) -> std::string {
    try {
      const Server second(std::move(options), {}, environment);
    } catch (const base::Error& error) {
      return error.message;
    }
    return "";
  };
  EXPECT_NE(refusal({.port = server.server().port()}).find("already in use"), std::string::npos);
  EXPECT_NE(refusal({.host = "203.0.113.1", .port = 0}).find("203.0.113.1"), std::string::npos);
  EXPECT_NE(refusal({.host = "not an address"}).find("not an address"), std::string::npos);
  EXPECT_NE(refusal({.port = 0, .tls_certificate = "/nowhere.pem"}).find("/nowhere.pem"), std::string::npos);
}

}  // namespace
}  // namespace http
