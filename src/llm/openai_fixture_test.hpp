#pragma once
// A server by OpenAI's protocols that answers what a test wants, and a provider that asks it.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llm/openai.hpp"
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

inline constexpr const char* kKey = "sk-test-key-that-nobody-may-see";
inline constexpr const char* kSaid = "What the person said in confidence";

inline std::string answer(std::string_view status, std::string_view type, std::string_view body,
                          std::string_view more = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) + "\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
inline std::string json_answer(std::string_view body, std::string_view more = "") {
  return answer("200 OK", "application/json", body, more);
}
inline std::string stream_answer(std::string_view body) {
  return answer("200 OK", "text/event-stream; charset=utf-8", body);
}

inline std::string delta(std::string_view text) {
  return "data: "
         "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"m-2026\",\"choices\":[{\"index\":0,\"delta\":"
         "{\"content\":" +
         json::serialize(json::string(text)) + "},\"finish_reason\":null}],\"usage\":null}\n\n";
}
inline constexpr const char* kFinish =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
inline constexpr const char* kUsage =
    "data: "
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15,\"prompt_tokens_"
    "details\":{\"cached_tokens\":8}}}\n\n";
inline constexpr const char* kDone = "data: [DONE]\n\n";

struct OpenAiTest : testing::Test {
  asio::io_context context{1};
  net::HttpClient http{{}, net::ProxyRules{}};
  base::FakeClock clock;
  base::FakeRandom random;
  int log_file = memfd_create("log", 0);
  std::unique_ptr<telemetry::Log> log = std::make_unique<telemetry::Log>(log_file, telemetry::Level::debug, clock);
  telemetry::Registry metrics;
  std::vector<std::string> requests;  // what the server received
  std::string streamed;               // what the sink received

  ~OpenAiTest() override {
    log.reset();
    close(log_file);
  }

  std::string logged() {
    log->flush();
    std::string text(static_cast<std::size_t>(lseek(log_file, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(log_file, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }

  static Model some_model() { return {.code = "some", .vendor = Vendor::openai, .id = "m"}; }

  ProviderDependencies dependencies() { return {http, clock, random, *log, metrics}; }

  std::unique_ptr<Provider> provider(const Impostor& server, OpenAiOptions options = {},
                                     const Model& model = some_model()) {
    options.base_url = server.url("/v1");
    if (options.api_key.empty()) options.api_key = base::Secret(kKey);
    return make_openai(model, options, dependencies());
  }

  static Request request() {
    Request request;
    request.system = base::PrivateText("You coach.");
    request.messages.push_back({Role::user, base::PrivateText(kSaid)});
    request.timeouts = {.connect = 1'000ms, .first_token = 1'000ms, .between_tokens = 1'000ms, .total = 3'000ms};
    return request;
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
      EXPECT_EQ(all.find(kKey), all.npos) << all;
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
};

}  // namespace llm
