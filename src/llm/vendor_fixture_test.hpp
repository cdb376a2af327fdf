#pragma once
// For the tests of providers: one made against an impostor, what it sent, what came out, and recorded answers broken in
// every way.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"
#include "net/http_client.hpp"
#include "net/impostor_test.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace llm {

namespace asio = boost::asio;
namespace json = boost::json;
using base::Code;
using base::Task;
using net::Impostor;
using net::Peer;
using namespace std::chrono_literals;

inline constexpr const char* kTestKey = "sk-test-key-that-nobody-may-see";
inline constexpr const char* kInConfidence = "What the person said in confidence";

inline std::string http_answer(std::string_view status, std::string_view type, std::string_view body,
                               std::string_view more = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) + "\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
inline std::string json_ok(std::string_view body, std::string_view more = "") {
  return http_answer("200 OK", "application/json", body, more);
}
inline std::string stream_ok(std::string_view body, std::string_view more = "") {
  return http_answer("200 OK", "text/event-stream; charset=utf-8", body, more);
}

inline constexpr const char* kStreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

// Sends these bytes, and then nothing more.
inline net::Script silent_after(std::string bytes) {
  return [bytes](Peer& peer) -> Task<void> {
    co_await peer.read_request();
    co_await peer.send(bytes);
    co_await peer.until_closed();
  };
}

struct HealthCase {
  const char* status;
  Health::State state;
};

struct VendorTest : testing::Test {
  asio::io_context context{1};
  net::HttpClient http{{}, net::ProxyRules{}};
  base::FakeClock clock;
  base::FakeRandom random;
  int log_file = memfd_create("log", 0);
  std::unique_ptr<telemetry::Log> log = std::make_unique<telemetry::Log>(log_file, telemetry::Level::debug, clock);
  telemetry::Registry metrics;
  std::vector<std::string> requests;  // what the server received
  std::string streamed;  // what the sink received

  ~VendorTest() override {
    log.reset();
    close(log_file);
  }

  // The vendor's, at that URL.
  virtual std::unique_ptr<Provider> provider(const Impostor& server) = 0;

  ProviderDependencies dependencies() { return {http, clock, random, *log, metrics}; }

  std::string logged() {
    log->flush();
    std::string text(static_cast<std::size_t>(lseek(log_file, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(log_file, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

  static Request request() {
    Request request;
    request.system = base::PrivateText("You coach.");
    request.messages.push_back({Role::user, base::PrivateText(kInConfidence)});
    request.timeouts = {.connect = 1'000ms, .first_token = 1'000ms, .between_tokens = 1'000ms, .total = 3'000ms};
    return request;
  }

  static Request talk(std::initializer_list<std::pair<Role, const char*>> messages, const char* guidance = "") {
    auto talk = request();
    talk.messages.clear();
    for (const auto& [role, text] : messages) talk.messages.push_back({role, base::PrivateText(text)});
    talk.guidance = base::PrivateText(guidance);
    return talk;
  }

  // One answer of these for each request, the last one again and again.
  net::Script answers(std::vector<std::string> list) {
    return [this, list](Peer& peer) -> Task<void> {
      for (;;) {
        auto seen = co_await peer.read_request();
        if (seen.empty()) co_return;
        requests.push_back(seen);
        if (!co_await peer.send(list[std::min(requests.size(), list.size()) - 1])) co_return;
      }
    };
  }

  Reply complete(Provider& from, const Request& asked, bool stream = true) {
    streamed.clear();
    const Sink sink = stream ? Sink([this](std::string_view text) { streamed += text; }) : Sink();
    return net::await(context, from.complete(asked, sink));
  }

  Reply ask(const std::string& with_answer, bool stream = true, const Request& asked = request()) {
    Impostor server(context, answers({with_answer}));
    const auto from = provider(server);
    return complete(*from, asked, stream);
  }

  base::Error failure(const net::Script& script, bool stream = true, const Request& asked = request()) {
    Impostor server(context, script);
    const auto from = provider(server);
    return failure(*from, stream, asked);
  }
  // Of a call that must fail, and say nothing that it must not.
  base::Error failure(Provider& from, bool stream = true, const Request& asked = request()) {
    try {
      complete(from, asked, stream);
    } catch (const base::Error& error) {
      const auto all = error.message + json::serialize(error.details) + logged() + metrics.prometheus_text();
      EXPECT_EQ(all.find(kTestKey), all.npos) << all;
      EXPECT_EQ(all.find("confidence"), all.npos) << all;
      return error;
    }
    ADD_FAILURE() << "the call did not fail";
    return {Code::internal_error, ""};
  }
  base::Error failure(const std::string& with_answer, bool stream = true) {
    return failure(answers({with_answer}), stream);
  }

  json::object sent() const {
    return json::parse(requests.back().substr(requests.back().find("\r\n\r\n") + 4)).as_object();
  }
  bool sent_header(std::string_view line) const {
    return requests.back().find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }

  // A stream that has begun so and ends before its end, in its body or in a chunk of it, or does not come at all.
  void expect_cut_off_fails(std::string_view begun) {
    EXPECT_EQ(failure(stream_ok(begun)).code, Code::llm_unavailable);
    EXPECT_EQ(
        failure([begun](Peer& peer) -> Task<void> {
          co_await peer.read_request();
          co_await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + std::string(begun));
        }).code,
        Code::llm_unavailable);
    EXPECT_EQ(failure([](Peer& peer) -> Task<void> { co_await peer.read_request(); }).code, Code::llm_unavailable);
  }

  // Which wait ends when nothing follows: on what is no text yet, and on text.
  void expect_waits_end(std::initializer_list<std::string> before_text, const std::string& with_text) {
    auto asked = request();
    asked.timeouts.first_token = 40ms;
    for (const auto& bytes : before_text) {
      const auto error = failure(silent_after(bytes), true, asked);
      EXPECT_EQ(error.code, Code::llm_timeout);
      EXPECT_EQ(error.details.at("stage"), "first_byte");
    }
    asked = request();
    asked.timeouts.between_tokens = 40ms;
    const auto idle = failure(silent_after(with_text), true, asked);
    EXPECT_EQ(idle.code, Code::llm_timeout);
    EXPECT_EQ(idle.details.at("stage"), "idle");
  }

  void expect_read_byte_by_byte(const std::string& stream, std::string_view text) {
    Impostor server(context, [stream](Peer& peer) -> Task<void> {
      co_await peer.read_request();
      co_await peer.send_byte_by_byte(stream_ok(stream));
    });
    EXPECT_EQ(complete(*provider(server), request()).text.reveal(), text);
    EXPECT_EQ(streamed, text);
  }

  void expect_connection_is_kept(const std::string& stream) {
    Impostor server(context, answers({stream_ok(stream)}));
    const auto from = provider(server);
    for (int i = 0; i < 4; ++i) complete(*from, request());
    EXPECT_EQ(server.connections(), 1);
  }

  // What health() makes of these statuses of a route that it asks with the key.
  void expect_health(std::initializer_list<HealthCase> cases, std::string_view route, std::string_view key_header) {
    for (const auto& [status, state] : cases) {
      Impostor server(context, answers({http_answer(status, "application/json", "{}")}));
      const auto health = net::await(context, provider(server)->health());
      EXPECT_EQ(health.state, state) << status;
      EXPECT_EQ(health.reason.empty(), state == Health::State::healthy);
      EXPECT_TRUE(requests.back().starts_with("GET " + std::string(route) + " ")) << requests.back();
      EXPECT_TRUE(sent_header(key_header));
    }
  }
};

// What an answer becomes: a reply, or one of the errors that the rest knows.
struct Outcome {
  bool replied = false;
  std::string text;
  FinishReason finish = FinishReason::stop;
  Code code = Code::llm_unavailable;
  bool operator==(const Outcome&) const = default;
};

// Feeds the pieces to a fresh AnswerOfVendor, as call_vendor() does, and fails the test for anything else.
template <class AnswerOfVendor>
Outcome outcome_of(const std::vector<std::string_view>& pieces, bool streamed, bool forced_tool = false) {
  std::string seen;
  const Sink sink = [&](std::string_view text) { seen += text; };
  AnswerOfVendor answer("model.example", sink, forced_tool);
  try {
    for (const auto part : pieces) {
      const std::string piece(part);  // in memory of its own, so that a sanitizer sees its end
      if (!streamed) answer.take_body(piece);
      if (streamed) answer.take_piece(piece);
      if (answer.is_done()) break;
    }
  } catch (const base::Error& error) {
    const bool known = error.code == Code::llm_error || error.code == Code::llm_unavailable ||
                       error.code == Code::dependency_unavailable;  // the decoder's; call_vendor() translates it
    EXPECT_TRUE(known) << error.message;
    EXPECT_EQ(error.message.find("confidence"), std::string::npos) << error.message;
    return {.code = error.code};
  }
  if (!answer.has_finish()) return {};  // cut off
  const auto reply = std::move(answer).reply(7, "default");
  EXPECT_GE(reply.usage.prompt_tokens, 0);
  EXPECT_GE(reply.usage.completion_tokens, 0);
  EXPECT_EQ(reply.text.reveal(), seen);
  return {.replied = true, .text = reply.text.reveal(), .finish = reply.finish_reason};
}

// Every prefix, every byte changed in some ways, and every splitting in two, of a recorded answer.
template <class AnswerOfVendor>
void expect_robust(const std::string& recorded, bool streamed, bool forced_tool = false) {
  const auto run = [&](const std::vector<std::string_view>& pieces) {
    return outcome_of<AnswerOfVendor>(pieces, streamed, forced_tool);
  };
  const auto whole = run({recorded});
  ASSERT_TRUE(whole.replied);
  const std::string_view all = recorded;
  for (std::size_t i = 0; i < all.size(); ++i) {
    run({all.substr(0, i)});
    if (streamed) EXPECT_EQ(run({all.substr(0, i), all.substr(i)}), whole) << "split at " << i;
    for (const char byte :
         {'\0', '\n', '"', '}', '[', '\\', '0', '9', '-', '\x80', '\xff', static_cast<char>(recorded[i] ^ 1)}) {
      auto broken = recorded;
      broken[i] = byte;
      run({broken});
    }
    auto shorter = recorded;
    run({shorter.erase(i, 1)});
  }
  if (!streamed) return;
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < all.size(); ++i) bytes.push_back(all.substr(i, 1));
  EXPECT_EQ(run(bytes), whole) << "byte by byte";
}

}  // namespace llm
