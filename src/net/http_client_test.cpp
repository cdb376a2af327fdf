#include "net/http_client.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <thread>

#include "net/failure.hpp"
#include "net/impostor_test.hpp"

namespace net {
namespace {

namespace asio = boost::asio;
using base::Milliseconds;
using base::Task;
using namespace std::chrono_literals;

struct HttpClientTest : testing::Test {
  asio::io_context context{1};
  HttpClient client{{}, ProxyRules{}};

  static HttpRequest get(const std::string& url) { return {.url = parse_url(url)}; }

  HttpResponse fetch(const std::string& answer) {
    Impostor server(context, always(answer));
    return await(context, client.send(get(server.url())));
  }

  // The failure of one call against a server that behaves like `script`.
  base::Error failure_of(HttpRequest request, HttpClient& of) {
    try {
      await(context, of.send(request));
    } catch (const base::Error& error) {
      return error;
    }
    ADD_FAILURE() << "the call did not fail";
    return {base::Code::internal_error, ""};
  }
  base::Error failure_against(Script script, HttpTimeouts timeouts = {}) {
    Impostor server(context, std::move(script));
    auto request = get(server.url());
    request.timeouts = timeouts;
    return failure_of(request, client);
  }
};

void expect_failure(const base::Error& error, Stage stage, bool timeout) {
  EXPECT_EQ(error.code, base::Code::dependency_unavailable) << error.message;
  EXPECT_EQ(failed_stage(error), stage) << error.message;
  EXPECT_EQ(timed_out(error), timeout) << error.message;
}

TEST_F(HttpClientTest, SendsTheRequestAndReturnsTheAnswer) {
  std::string seen;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    seen = co_await peer.read_request();
    co_await peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nX-Kind: Test\r\n\r\nnope");
  });
  HttpRequest request{
      .method = "POST", .url = parse_url(server.url("/a?b=c")), .headers = {{"X-Key", "k"}}, .body = "hello"};
  const auto response = await(context, client.send(request));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.headers.find("x-kind"), "Test");
  EXPECT_EQ(response.body, "nope");
  EXPECT_EQ(seen, "POST /a?b=c HTTP/1.1\r\nHost: " + request.url.authority +
                      "\r\nX-Key: k\r\nUser-Agent: purposepath/" PURPOSEPATH_VERSION
                      "\r\nContent-Length: 5\r\n\r\nhello");
}

TEST_F(HttpClientTest, ReadsEveryFormOfBody) {
  EXPECT_EQ(fetch(ok("abc")).body, "abc");
  EXPECT_EQ(
      fetch("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
          .body,
      "abcde");
  EXPECT_EQ(fetch("HTTP/1.1 204 No Content\r\n\r\n").body, "");
  EXPECT_EQ(fetch("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok("abc")).body, "abc");
  EXPECT_EQ(fetch("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok("abc")).headers.find("Link"), "");
}

TEST_F(HttpClientTest, ReadsABodyThatEndsWithTheConnection) {
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
  });
  EXPECT_EQ(await(context, client.send(get(server.url()))).body, "until the end");
  EXPECT_EQ(client.stats(context).idle, 0);
}

TEST_F(HttpClientTest, ReadsAnAnswerThatComesByteByByte) {
  for (const auto& answer :
       {ok("abc"), std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
                               "chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nA: b\r\n\r\n")}) {
    Impostor server(context, [&](Peer& peer) -> Task<void> {
      while (!(co_await peer.read_request()).empty()) co_await peer.send_byte_by_byte(answer);
    });
    for (int i = 0; i < 2; ++i) EXPECT_EQ(await(context, client.send(get(server.url()))).body, "abc");
    EXPECT_EQ(server.connections(), 1);
  }
}

TEST_F(HttpClientTest, KnowsThatTheAnswerToHeadHasNoBody) {
  Impostor server(context, always("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
  auto request = get(server.url());
  request.method = "HEAD";
  EXPECT_EQ(await(context, client.send(request)).body, "");
  EXPECT_EQ(client.stats(context).idle, 1);
}

TEST_F(HttpClientTest, MovesTenMegabytesInBothDirections) {
  const std::string large(10'000'000, 'x');
  std::size_t received = 0;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    received = (co_await peer.read_request()).size();
    co_await peer.send(ok(large));
  });
  HttpRequest request{.method = "POST", .url = parse_url(server.url()), .body = large};
  EXPECT_EQ(await(context, client.send(request)).body.size(), large.size());
  EXPECT_GT(received, large.size());
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
  const auto response = fetch("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(response.headers.find("location"), "http://127.0.0.1:1/");
}

TEST_F(HttpClientTest, RefusesAHeaderThatBreaksLines) {
  auto request = get("http://127.0.0.1:1");
  request.headers = {{"Authorization", "Bearer key\r\nX-Evil: 1"}};
  const auto error = failure_of(request, client);
  EXPECT_EQ(error.message.find("key"), error.message.npos) << error.message;
}

// Bounds and nonsense.

TEST_F(HttpClientTest, RefusesAnAnswerPastItsBounds) {
  HttpClient strict({.max_header_bytes = 1000, .max_body_bytes = 1000}, ProxyRules{});
  const std::string large(1001, 'x');
  for (const auto& answer :
       {ok(large), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + large + "\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n" + large, "HTTP/1.1 200 OK\r\nX: " + large + "\r\n\r\n"}) {
    Impostor server(context, always(answer));
    expect_failure(failure_of(get(server.url()), strict), Stage::response, false);
  }
  Impostor server(context, always(ok(large)));
  auto generous = get(server.url());
  generous.max_body_bytes = 2000;
  EXPECT_EQ(await(context, strict.send(generous)).body.size(), 1001U);
}

TEST_F(HttpClientTest, RefusesWhatIsNoHttp) {
  for (const auto* answer : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
                             "\x16\x03\x01\x02", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    const auto error = failure_against([&](Peer& peer) -> Task<void> {
      co_await peer.read_request();
      co_await peer.send(answer);
    });
    expect_failure(error, Stage::response, false);
  }
}

TEST_F(HttpClientTest, ReportsAnAnswerThatIsCutOff) {
  for (const auto* part :
       {"HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    const auto error = failure_against([&](Peer& peer) -> Task<void> {
      co_await peer.read_request();
      co_await peer.send(part);
    });
    expect_failure(error, Stage::response, false);
  }
}

TEST_F(HttpClientTest, ReportsAServerThatClosesWithoutAnswer) {
  expect_failure(failure_against([](Peer& peer) -> Task<void> { co_await peer.read_request(); }), Stage::first_byte,
                 false);
}

// Time-outs: each says which wait it was.

TEST_F(HttpClientTest, EndsTheWaitForTheFirstByte) {
  const auto error = failure_against([](Peer& peer) { return peer.until_closed(); }, {.first_byte = 30ms});
  expect_failure(error, Stage::first_byte, true);
}

TEST_F(HttpClientTest, EndsASilenceInTheBody) {
  const auto error = failure_against(
      [](Peer& peer) -> Task<void> {
        co_await peer.read_request();
        co_await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        co_await peer.until_closed();
      },
      {.idle = 30ms});
  expect_failure(error, Stage::idle, true);
}

TEST_F(HttpClientTest, EndsASlowDripByTheTotal) {
  const auto error = failure_against(
      [](Peer& peer) -> Task<void> {
        co_await peer.read_request();
        co_await peer.send("HTTP/1.1 200 OK\r\n\r\n");
        asio::steady_timer pause(peer.socket().get_executor());
        while (co_await peer.send("x")) {
          pause.expires_after(5ms);
          co_await pause.async_wait(asio::use_awaitable);
        }
      },
      {.idle = 1'000ms, .total = 50ms});
  expect_failure(error, Stage::total, true);
}

TEST_F(HttpClientTest, EndsTheWaitForASendThatIsNotRead) {
  asio::ip::tcp::acceptor deaf(context, {asio::ip::address_v4::loopback(), 0});
  HttpRequest request{.method = "POST",
                      .url = parse_url("http://127.0.0.1:" + std::to_string(deaf.local_endpoint().port()))};
  request.body.assign(20'000'000, 'x');
  request.timeouts.first_byte = 40ms;
  expect_failure(failure_of(request, client), Stage::write, true);
}

TEST_F(HttpClientTest, EndsTheWaitForAConnection) {
  // A queue of one that is full: further connections get no answer.
  asio::ip::tcp::acceptor full(context);
  full.open(asio::ip::tcp::v4());
  full.bind({asio::ip::address_v4::loopback(), 0});
  full.listen(0);
  asio::ip::tcp::socket first(context);
  first.connect(full.local_endpoint());
  auto request = get("http://127.0.0.1:" + std::to_string(full.local_endpoint().port()));
  request.timeouts.connect = 40ms;
  expect_failure(failure_of(request, client), Stage::connect, true);
}

TEST_F(HttpClientTest, ReportsARefusedConnectionAndAnUnknownHost) {
  asio::ip::tcp::acceptor closed(context, {asio::ip::address_v4::loopback(), 0});
  const auto port = closed.local_endpoint().port();
  closed.close();
  const auto refused = failure_of(get("http://127.0.0.1:" + std::to_string(port)), client);
  expect_failure(refused, Stage::connect, false);
  EXPECT_NE(refused.message.find("refused"), refused.message.npos) << refused.message;

  auto unknown = get("http://no-such-host.invalid");
  unknown.timeouts.connect = 200ms;
  EXPECT_EQ(failed_stage(failure_of(unknown, client)), Stage::dns);
}

TEST_F(HttpClientTest, ConnectsToPublicAddressesAloneWhenToldSo) {
  int asked = 0;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    ++asked;
    co_await peer.read_request();
    co_await peer.send(ok("x"));
  });
  const auto port = parse_url(server.url()).port;
  HttpClient careful({.public_only = true}, ProxyRules{});
  for (const auto* host : {"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"}) {
    const auto error = failure_of(get("http://" + std::string(host) + ":" + std::to_string(port)), careful);
    expect_failure(error, Stage::refused, false);
    EXPECT_NE(error.message.find("not in the public Internet"), error.message.npos) << error.message;
  }
  EXPECT_EQ(asked, 0);
  const auto exception = "127.0.0.1:" + std::to_string(port);
  HttpClient lenient({.public_only = true, .public_exceptions = {exception}}, ProxyRules{});
  EXPECT_EQ(await(context, lenient.send(get(server.url()))).body, "x");
}

// The pool.

TEST_F(HttpClientTest, KeepsAConnectionForTheNextCall) {
  Impostor server(context, always(ok("x")));
  for (int i = 0; i < 5; ++i) await(context, client.send(get(server.url())));
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client.stats(context).reused, 4U);
}

TEST_F(HttpClientTest, KeepsNoConnectionThatTheServerWantsClosedOrThatHasMoreBytesThanTheAnswer) {
  for (const auto& answer :
       {std::string("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), ok("") + "junk"}) {
    fetch(answer);
    EXPECT_EQ(client.stats(context).idle, 0);
  }
}

TEST_F(HttpClientTest, DoesNotUseAnIdleConnectionThatWasClosed) {
  Impostor server(context, [](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send(ok("x"));
  });
  for (int i = 0; i < 3; ++i) {
    HttpRequest request{.method = "POST", .url = parse_url(server.url()), .body = "not repeatable"};
    EXPECT_EQ(await(context, client.send(request)).body, "x");
  }
  EXPECT_EQ(server.connections(), 3);
}

// Answers one request on each connection and closes it when the next one has come: the client cannot know before.
Script closes_on_second_request(int& requests) {
  return [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    ++requests;
    co_await peer.send(ok("x"));
    if (!(co_await peer.read_request()).empty()) ++requests;
  };
}

TEST_F(HttpClientTest, RepeatsOnceWhatAKeptConnectionSwallowed) {
  int requests = 0;
  Impostor server(context, closes_on_second_request(requests));
  auto request = get(server.url());
  await(context, client.send(request));
  EXPECT_EQ(await(context, client.send(request)).body, "x");
  EXPECT_EQ(requests, 3);
  request.method = "POST";
  request.repeatable = true;
  EXPECT_EQ(await(context, client.send(request)).body, "x");
}

TEST_F(HttpClientTest, DoesNotRepeatWhatMayDoHarm) {
  int requests = 0;
  Impostor server(context, closes_on_second_request(requests));
  auto request = get(server.url());
  request.method = "POST";
  await(context, client.send(request));
  expect_failure(failure_of(request, client), Stage::first_byte, false);
  EXPECT_EQ(requests, 2);
}

// Starts `count` calls at once; returns how many got an answer, and what became of the others.
Task<void> call(HttpClient& client, const HttpRequest& request, int& answered, std::vector<base::Error>& failed,
                int& left) {
  try {
    co_await client.send(request);
    ++answered;
  } catch (const base::Error& error) {
    failed.push_back(error);
  }
  --left;
}

struct Rush {
  int answered = 0;
  std::vector<base::Error> failed;
};

Rush rush(asio::io_context& context, HttpClient& client, const HttpRequest& request, int count) {
  Rush result;
  int left = count;
  for (int i = 0; i < count; ++i)
    asio::co_spawn(context, call(client, request, result.answered, result.failed, left), asio::detached);
  context.restart();
  while (left > 0) context.run_one();
  return result;
}

TEST_F(HttpClientTest, NeverOpensMoreConnectionsThanAllowed) {
  HttpClient narrow({.max_connections = 3}, ProxyRules{});
  Impostor server(context, always(ok("x")));
  EXPECT_EQ(rush(context, narrow, get(server.url()), 50).answered, 50);
  EXPECT_EQ(server.connections(), 3);
  EXPECT_EQ(narrow.stats(context).idle, 3);
  EXPECT_EQ(narrow.stats(context).in_use, 0);
}

TEST_F(HttpClientTest, EndsTheWaitForAFreeConnection) {
  HttpClient narrow({.max_connections = 1, .max_waiting = 2}, ProxyRules{});
  Impostor server(context, [](Peer& peer) { return peer.until_closed(); });
  auto request = get(server.url());
  request.timeouts = {.connect = 30ms, .first_byte = 100ms};
  const auto result = rush(context, narrow, request, 4);
  ASSERT_EQ(result.failed.size(), 4U);
  expect_failure(result.failed[0], Stage::pool, false);  // the line was full
  expect_failure(result.failed[1], Stage::pool, true);
  expect_failure(result.failed[2], Stage::pool, true);
  expect_failure(result.failed[3], Stage::first_byte, true);
  EXPECT_EQ(narrow.stats(context).in_use, 0);
  EXPECT_EQ(narrow.stats(context).waiting, 0);
}

TEST_F(HttpClientTest, ClosesWhatIsIdleTooLong) {
  HttpClient quick({.idle_for = 20ms}, ProxyRules{});
  bool closed = false;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send(ok("x"));
    co_await peer.until_closed();
    closed = true;
  });
  await(context, quick.send(get(server.url())));
  EXPECT_EQ(quick.stats(context).idle, 1);
  while (!closed) context.run_one();
  EXPECT_EQ(quick.stats(context).idle, 0);
}

TEST_F(HttpClientTest, LetsTheIoContextEndWhileConnectionsAreIdle) {
  {
    Impostor server(context, [](Peer& peer) -> Task<void> {
      co_await peer.read_request();
      co_await peer.send(ok("x"));
    });
    await(context, client.send(get(server.url())));
  }
  context.restart();
  const auto begin = std::chrono::steady_clock::now();
  context.run();  // the idle time-out is 30 s, that of the first byte 20 s
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_F(HttpClientTest, OutlivesItsIoContextAndIsOutlivedByIt) {
  auto other = std::make_unique<asio::io_context>(1);
  {
    HttpClient brief({}, ProxyRules{});
    Impostor server(*other, always(ok("x")));
    await(*other, brief.send(get(server.url())));
  }
  int answered = 0;
  int left = 1;
  std::vector<base::Error> failed;
  HttpRequest request;
  {
    Impostor server(*other, always(ok("x")));
    await(*other, client.send(get(server.url())));
    bool asked = false;
    Impostor silent(*other, [&](Peer& peer) -> Task<void> {
      co_await peer.read_request();
      asked = true;
      co_await peer.until_closed();
    });
    request = get(silent.url());
    asio::co_spawn(*other, call(client, request, answered, failed, left), asio::detached);
    while (!asked) other->run_one();
  }
  other.reset();  // with one connection idle and one call under way
  EXPECT_EQ(left, 1);
}

TEST_F(HttpClientTest, ServesManyThreadsEachWithItsOwnPool) {
  std::vector<std::thread> threads;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      asio::io_context own(1);
      Impostor server(own, always(ok("x")));
      for (int j = 0; j < 50; ++j) answered += await(own, client.send(get(server.url()))).status == 200 ? 1 : 0;
      EXPECT_EQ(client.stats(own).opened, 1U);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, 200);
}

// Streams and cancellation.

TEST_F(HttpClientTest, PassesOnEachPieceAsItComes) {
  int sent = 0;
  int seen = 0;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    asio::steady_timer pause(peer.socket().get_executor());
    for (sent = 1; sent <= 3; ++sent) {
      co_await peer.send("1\r\n" + std::to_string(sent) + "\r\n");
      while (seen < sent) {  // the next piece leaves only when this one has been seen
        pause.expires_after(1ms);
        co_await pause.async_wait(asio::use_awaitable);
      }
    }
    co_await peer.send("0\r\n\r\n");
    co_await peer.until_closed();
  });
  const auto read = [&]() -> Task<std::string> {
    const auto request = get(server.url());
    auto stream = co_await client.open(request);
    EXPECT_EQ(stream.status(), 200);
    std::string all;
    for (auto piece = co_await stream.read_some(); !piece.empty(); piece = co_await stream.read_some()) {
      all += piece;
      seen = piece.back() - '0';
    }
    co_return all;
  };
  EXPECT_EQ(await(context, read()), "123");
  EXPECT_EQ(client.stats(context).idle, 1);
}

TEST_F(HttpClientTest, ClosesTheConnectionOfAnAbandonedStream) {
  bool closed = false;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    co_await peer.until_closed();
    closed = true;
  });
  const auto read = [&]() -> Task<void> {
    const auto request = get(server.url());
    auto stream = co_await client.open(request);
    EXPECT_EQ(co_await stream.read_some(), "x");
  };
  await(context, read());
  while (!closed) context.run_one();
  EXPECT_EQ(client.stats(context).in_use, 0);
}

TEST_F(HttpClientTest, LetsTheReaderOfAStreamWaitForAGivenTime) {
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    co_await peer.until_closed();
  });
  const auto read = [&]() -> Task<void> {
    const auto request = get(server.url());
    auto stream = co_await client.open(request);
    co_await stream.read_some(std::chrono::steady_clock::now() + 30ms);
  };
  try {
    await(context, read());
    FAIL();
  } catch (const base::Error& error) {
    expect_failure(error, Stage::first_byte, true);
  }
}

TEST_F(HttpClientTest, ClosesTheConnectionWhenTheCallerIsCancelled) {
  bool asked = false;
  bool closed = false;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    asked = true;
    co_await peer.until_closed();
    closed = true;
  });
  asio::cancellation_signal cancel;
  std::exception_ptr ended;
  const auto request = get(server.url());
  asio::co_spawn(context, client.send(request),
                 asio::bind_cancellation_slot(cancel.slot(),
                                              [&](std::exception_ptr failed, const HttpResponse&) { ended = failed; }));
  while (!asked) context.run_one();
  cancel.emit(asio::cancellation_type::terminal);
  while (!closed) context.run_one();
  try {
    std::rethrow_exception(ended);
  } catch (const boost::system::system_error& error) {
    EXPECT_EQ(error.code(), asio::error::operation_aborted);
  }
  EXPECT_EQ(client.stats(context).in_use, 0);
}

TEST_F(HttpClientTest, GivesThePlaceOfACancelledWaiterToTheNext) {
  HttpClient narrow({.max_connections = 1}, ProxyRules{});
  bool asked = false;
  bool answer = false;
  Impostor server(context, [&](Peer& peer) -> Task<void> {
    asio::steady_timer pause(peer.socket().get_executor());
    while (!(co_await peer.read_request()).empty()) {
      asked = true;
      while (!answer) {
        pause.expires_after(1ms);
        co_await pause.async_wait(asio::use_awaitable);
      }
      co_await peer.send(ok("x"));
    }
  });
  const auto request = get(server.url());
  int answered = 0;
  int left = 2;
  std::vector<base::Error> failed;
  asio::cancellation_signal cancel;
  bool cancelled = false;
  asio::co_spawn(context, call(narrow, request, answered, failed, left), asio::detached);
  while (!asked) context.run_one();
  asio::co_spawn(context, narrow.send(request),
                 asio::bind_cancellation_slot(
                     cancel.slot(), [&](std::exception_ptr why, const HttpResponse&) { cancelled = why != nullptr; }));
  asio::co_spawn(context, call(narrow, request, answered, failed, left), asio::detached);
  while (narrow.stats(context).waiting < 2) context.run_one();
  cancel.emit(asio::cancellation_type::terminal);
  answer = true;
  while (left > 0) context.run_one();
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace net
