// Time-outs, streams and drain.
#include <gtest/gtest.h>

#include "http/server_fixture_test.hpp"

namespace http {
namespace {

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kWait = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kStream = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr base::Milliseconds kShort{40};
constexpr base::Milliseconds kNever{600'000};

ServerOptions patient() {
  return {.header_timeout = kNever,
          .body_timeout = kNever,
          .write_timeout = kNever,
          .idle_timeout = kNever,
          .drain_timeout = kNever};
}

TEST(ServerTime, ClosesAnIdleConnection) {
  auto options = patient();
  options.idle_timeout = kShort;
  TestServer server(options);
  auto silent = server.client();
  EXPECT_TRUE(silent.ended());
  auto client = server.client();
  EXPECT_EQ(client.exchange(kHello).status, 200);
  EXPECT_TRUE(client.ended());
}

TEST(ServerTime, EndsAHeaderThatDripsIn) {
  auto options = patient();
  options.header_timeout = kShort;
  TestServer server(options);
  auto client = server.client();
  client.send("GET /hello HTTP/1.1\r\nHost: x\r\n");
  // A header line every now and then does not help: the time counts from the first byte.
  std::jthread drip([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && client.send("A: b\r\n")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  EXPECT_EQ(client.response().status, 400);
}

TEST(ServerTime, EndsABodyThatDoesNotCome) {
  auto options = patient();
  options.body_timeout = kShort;
  TestServer server(options);
  auto client = server.client();
  const auto got = client.exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(got.status, 400);
  EXPECT_TRUE(got.has("Connection: close\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST(ServerTime, GivesUpOnAClientThatDoesNotRead) {
  auto options = patient();
  options.write_timeout = kShort;
  TestServer server(options);
  auto client = server.client();
  client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(server.becomes([&] { return server.streams_left_by_client == 1; }));
  EXPECT_TRUE(server.becomes([&] { return server.server().open_connections() == 0; }));
}

TEST(ServerTime, DoesNotHurryAHandler) {
  TestServer server(
      {.header_timeout = kShort, .body_timeout = kShort, .write_timeout = kShort, .idle_timeout = kShort});
  auto client = server.client();
  client.send(kWait);
  ASSERT_TRUE(server.gate.arrived());
  auto other = server.client();
  EXPECT_TRUE(other.ended()) << "all the time-outs have passed";
  server.gate.open();
  EXPECT_EQ(client.response().status, 200);
}

TEST(Stream, SendsEachPieceAtOnce) {
  TestServer server(patient());
  auto client = server.client();
  client.send(kStream);
  EXPECT_TRUE(client.response(true).has("Content-Type: text/event-stream\r\n"));
  EXPECT_EQ(client.next_chunk(), "data: 1\n\n");
  server.gate.open();
  EXPECT_EQ(client.next_chunk(), "data: 2\n\n");
  EXPECT_EQ(client.next_chunk(), "");
  EXPECT_EQ(client.exchange(kHello).status, 200) << "the connection stays";
}

TEST(Stream, KeepsTheRequestsThatComeMeanwhile) {
  TestServer server(patient());
  auto client = server.client();
  client.send(kStream);
  client.response(true);
  ASSERT_TRUE(server.gate.arrived());
  for (int i = 0; i < 300; ++i) client.send(kHello);
  server.gate.open();
  EXPECT_EQ(client.next_chunk() + client.next_chunk() + client.next_chunk(), "data: 1\n\ndata: 2\n\n");
  for (int i = 0; i < 300; ++i) ASSERT_EQ(client.response().status, 200) << i;
}

TEST(Stream, IsCancelledWhenTheClientLeaves) {
  TestServer server(patient());
  auto client = server.client();
  client.send(kStream);
  client.response(true);
  ASSERT_TRUE(server.gate.arrived());
  EXPECT_NE(server.metrics.prometheus_text().find("purposepath_http_open_streams 1\n"), std::string::npos);
  client.leave();
  EXPECT_TRUE(server.gate.cancelled());
  EXPECT_TRUE(server.becomes([&] { return server.server().open_connections() == 0; }));
  EXPECT_NE(server.log().find("\"client_gone\":true"), std::string::npos);
  EXPECT_NE(server.metrics.prometheus_text().find("purposepath_http_open_streams 0\n"), std::string::npos);
}

TEST(Stream, LearnsFromWriteThatTheClientLeft) {
  TestServer server(patient());
  {
    auto client = server.client();
    client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    client.response(true);
    client.next_chunk();
  }
  EXPECT_TRUE(server.becomes([&] { return server.server().open_connections() == 0; }));
}

TEST(Stream, EndsWithoutItsLastChunkWhenItFails) {
  TestServer server(patient());
  auto client = server.client();
  client.send("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n");
  client.response(true);
  EXPECT_EQ(client.next_chunk(), "begun");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server.log().find("somebody"), std::string::npos);
}

TEST(Drain, EndsAtOnceWithIdleConnectionsOnly) {
  TestServer server(patient());
  auto client = server.client();
  EXPECT_EQ(client.exchange(kHello).status, 200);
  server.server().drain();
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(server.client().connected());
}

TEST(Drain, FinishesWhatWasBegun) {
  TestServer server(patient());
  auto waiting = server.client();
  auto streaming = server.client();
  auto halfway = server.client();
  waiting.send(kWait);
  streaming.send(kStream);
  halfway.send("GET /hello HTTP/1.1\r\n");
  ASSERT_TRUE(server.gate.arrived(2));
  ASSERT_TRUE(server.becomes([&] { return server.server().open_connections() == 3; }));
  std::jthread draining([&] { server.server().drain(); });
  // A connection in the midst of a header is not idle; once refused connections show that drain began, it is told.
  ASSERT_TRUE(server.becomes([&] { return !server.client().connected(); }));
  const auto refused = halfway.exchange("Host: x\r\n\r\n");
  if (refused.status != 0) {
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.has("Retry-After: 1\r\n"));
    EXPECT_EQ(base::json::parse(refused.body).at("error").as_string(), "shutting_down");
  }
  server.gate.open();
  const auto got = waiting.response();
  EXPECT_EQ(got.status, 200);
  EXPECT_TRUE(got.has("Connection: close\r\n"));
  EXPECT_TRUE(waiting.ended());
  waiting.leave();
  EXPECT_EQ(streaming.response().body, "data: 1\n\ndata: 2\n\n");
  EXPECT_TRUE(streaming.ended());
  streaming.leave();
  halfway.leave();
  draining.join();
  EXPECT_EQ(server.server().open_connections(), 0);
}

TEST(Drain, CancelsWhatTakesTooLong) {
  auto options = patient();
  options.drain_timeout = kShort;
  TestServer server(options);
  auto waiting = server.client();
  auto streaming = server.client();
  waiting.send(kWait);
  streaming.send(kStream);
  ASSERT_TRUE(server.gate.arrived(2));
  server.server().drain();
  EXPECT_EQ(server.server().open_connections(), 0);
  EXPECT_TRUE(server.gate.cancelled(2));
  EXPECT_TRUE(waiting.ended());
}

TEST(Server, CanBeDestroyedInTheMidstOfEverything) {
  TestServer server(patient());
  std::vector<RawClient> clients;
  for (const auto request : {kWait, kStream, std::string_view("GET /hel"), std::string_view()}) {
    clients.push_back(server.client());
    clients.back().send(request);
  }
  ASSERT_TRUE(server.gate.arrived(2));
}

}  // namespace
}  // namespace http
