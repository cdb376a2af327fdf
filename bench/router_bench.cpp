// What the router costs, against a model server in a process of its own.
//   build/release/router_bench [calls] [at once]   CPU of a routed call over a bare call of our HTTP client with the same
//                                                  bytes, and how long a streamed piece takes from the model to its sink
//   build/release/router_bench model PORT MS       only the model server: a piece every MS milliseconds, for ever
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>

#include "llm/router.hpp"
#include "net/http_client.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Task;
using Steady = std::chrono::steady_clock;

constexpr std::string_view kReply =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"instant-1","choices":[{"index":0,)"
    R"("finish_reason":"stop","message":{"role":"assistant","content":"You stayed although it cost you. What was it )"
    R"(that you did not want to give away in that moment?"}}],"usage":{"prompt_tokens":800,"completion_tokens":24,)"
    R"("total_tokens":824}})";

std::int64_t now_ns() { return Steady::now().time_since_epoch().count(); }

Task<bool> send(tcp::socket& socket, std::string bytes) {
  boost::system::error_code failed;
  co_await asio::async_write(socket, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, failed));
  co_return !failed;
}

std::string chunk(const std::string& bytes) { return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes); }

std::string event(const std::string& text) {
  return chunk(fmt::format("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", text));
}

// Each piece is the time of its sending (CLOCK_MONOTONIC, which processes share), and `pause` lies between two.
Task<void> stream(tcp::socket& socket, std::chrono::milliseconds pause, int pieces) {
  asio::steady_timer timer(socket.get_executor());
  if (!co_await send(socket,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"))
    co_return;
  for (int i = 0; pieces == 0 || i < pieces; ++i) {
    timer.expires_after(pause);
    co_await timer.async_wait(asio::use_awaitable);
    if (!co_await send(socket, event(fmt::format("{} ", now_ns())))) co_return;
  }
  constexpr std::string_view kEnd =
      "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
  co_await send(socket, chunk(std::string(kEnd)) + "0\r\n\r\n");
}

// One request at a time, never pipelined; a read that completes the body is the last of it.
Task<bool> read_request(tcp::socket& socket, std::string& request) {
  request.clear();
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    boost::system::error_code failed;
    const auto size =
        co_await socket.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return false;
    request.append(buffer.data(), size);
    const auto head = request.find("\r\n\r\n");
    const auto length = request.find("Content-Length: ");
    if (head == request.npos || length == request.npos) continue;
    std::size_t body = 0;
    std::from_chars(request.data() + length + 16, request.data() + request.size(), body);
    if (request.size() >= head + 4 + body) co_return true;
  }
}

Task<void> answer_all(tcp::socket socket, std::chrono::milliseconds pause, int pieces) {
  const auto plain = fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                                 kReply.size(), kReply);
  std::string request;
  while (co_await read_request(socket, request)) {
    if (request.find("\"stream\":true") != request.npos) {
      co_await stream(socket, pause, pieces);
    } else {
      co_await send(socket, plain);
    }
  }
}

Task<void> accept_all(tcp::acceptor& acceptor, std::chrono::milliseconds pause, int pieces) {
  for (;;) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), answer_all(std::move(socket), pause, pieces), asio::detached);
  }
}

[[noreturn]] void serve(int listening, std::chrono::milliseconds pause, int pieces) {
  asio::io_context context(1);
  tcp::acceptor acceptor(context, tcp::v4(), listening);
  asio::co_spawn(context, accept_all(acceptor, pause, pieces), asio::detached);
  context.run();
  std::_Exit(0);
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Microseconds of CPU a call.
template <class Call>
double measure(int calls, int at_once, const Call& call) {
  const auto loop = [&](int& left) -> Task<void> {
    while (left-- > 0) co_await call();
  };
  const auto run = [&](int count) {
    asio::io_context context(1);
    int left = count;
    for (int i = 0; i < at_once; ++i) asio::co_spawn(context, loop(left), asio::detached);
    context.run();
  };
  run(calls / 10);  // warm up
  const auto before = cpu_seconds();
  run(calls);
  return (cpu_seconds() - before) / calls * 1e6;
}

struct Parts {
  base::SystemClock clock;
  base::SystemRandom random;
  telemetry::Registry metrics;
  telemetry::Log log{STDERR_FILENO, telemetry::Level::info, clock};
  net::HttpClient http{{}, net::ProxyRules{}};
};

// A prompt of the size that a topic with a few messages has.
llm::Request request() {
  llm::Request request;
  request.reference = "conv_01KXXXXXXXXXXXXXXXXXXXXXXX";
  request.topic = "core_values";
  request.tier = "free";
  request.system = base::PrivateText(std::string(7'500, 's'));
  for (int i = 0; i < 10; ++i) {
    request.messages.push_back(
        {i % 2 == 0 ? llm::Role::user : llm::Role::assistant, base::PrivateText(std::string(200, 'm'))});
  }
  return request;
}

// The bytes that the routed call sends are sent by the bare one too, so what is left is our own work on them: building
// the body, reading the answer, choosing, guarding, counting.
void compare_cpu(const std::string& base_url, int calls, int at_once) {
  Parts parts;
  llm::LlmOptions options{.provider = "openai", .model = "instant-1", .base_url = base_url};
  llm::Router router(options, {parts.http, parts.clock, parts.random, parts.log, parts.metrics});
  const auto routed_request = request();
  const llm::Sink none;
  net::HttpRequest bare{.method = "POST", .url = net::parse_url(base_url + "/chat/completions")};
  bare.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  bare.body.assign(9'900, 'x');
  bare.repeatable = true;
  for (int round = 1; round <= 3; ++round) {
    const auto bare_us = measure(calls, at_once, [&]() -> Task<void> {
      if ((co_await parts.http.send(bare)).status != 200) std::abort();
    });
    const auto routed_us = measure(calls, at_once, [&]() -> Task<void> {
      if ((co_await router.complete(routed_request, none)).usage.prompt_tokens != 800) std::abort();
    });
    fmt::print("bare call {:.1f} us, routed call {:.1f} us: {:.1f} us CPU more, ratio {:.2f}\n", bare_us, routed_us,
               routed_us - bare_us, routed_us / bare_us);
  }
}

void time_pieces(const std::string& base_url, int at_once) {
  Parts parts;
  llm::LlmOptions options{.provider = "openai", .model = "instant-1", .base_url = base_url};
  llm::Router router(options, {parts.http, parts.clock, parts.random, parts.log, parts.metrics});
  const auto streamed_request = request();
  std::vector<double> first;
  std::vector<double> all;
  asio::io_context context(1);
  const auto calls = [&]() -> Task<void> {
    for (int i = 0; i < 50; ++i) {
      bool is_first = true;
      const llm::Sink sink = [&](std::string_view text) {
        const auto arrived = now_ns();
        std::int64_t sent = 0;
        std::from_chars(text.data(), text.data() + text.size(), sent);
        all.push_back(static_cast<double>(arrived - sent) / 1e6);
        if (std::exchange(is_first, false)) first.push_back(all.back());
      };
      co_await router.complete(streamed_request, sink);
    }
  };
  for (int i = 0; i < at_once; ++i) asio::co_spawn(context, calls(), asio::detached);
  context.run();
  const auto at = [](std::vector<double>& values, double part) {
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
  };
  fmt::print(
      "from the model's send to the sink: first piece p50 {:.3f} ms, p99 {:.3f} ms; any piece p50 {:.3f} ms, p99 "
      "{:.3f} ms ({} pieces, {} streams at once)\n",
      at(first, 0.5), at(first, 0.99), at(all, 0.5), at(all, 0.99), all.size(), at_once);
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context setup(1);
  const bool only_model = argc > 3 && std::string_view(argv[1]) == "model";
  tcp::acceptor acceptor(
      setup, {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(only_model ? std::atoi(argv[2]) : 0)});
  acceptor.listen(8192);
  if (only_model) serve(dup(acceptor.native_handle()), std::chrono::milliseconds(std::atoi(argv[3])), 0);
  const int calls = argc > 1 ? std::atoi(argv[1]) : 50'000;
  const int at_once = argc > 2 ? std::atoi(argv[2]) : 16;
  const auto base_url = fmt::format("http://127.0.0.1:{}/v1", acceptor.local_endpoint().port());
  const pid_t server = fork();
  if (server == 0) serve(dup(acceptor.native_handle()), std::chrono::milliseconds(2), 10);
  acceptor.close();
  compare_cpu(base_url, calls, at_once);
  time_pieces(base_url, 16);
  kill(server, SIGTERM);
  waitpid(server, nullptr, 0);
}
