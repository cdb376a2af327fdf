// CPU time of one small call of our HTTP client, against a trivial server in a process of its own.
//   build/release/client_bench [calls] [at once]
// Prints microseconds of CPU (user + system) per call of the client's process, and calls per second.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>

#include "net/http_client.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Task;

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Length: "
    "15\r\n\r\n{\"answer\":\"yes\"}";

Task<void> answer_all(tcp::socket socket) {
  std::array<char, 16 * 1024> buffer;
  boost::system::error_code failed;
  while (!failed) {
    const auto size =
        co_await socket.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failed));
    if (size > 0)
      co_await asio::async_write(socket, asio::buffer(kAnswer.data(), kAnswer.size() - 1),
                                 asio::redirect_error(asio::use_awaitable, failed));
  }
}

// One read is one request: ours are small and never pipelined.
Task<void> accept_all(tcp::acceptor& acceptor) {
  for (;;) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), answer_all(std::move(socket)), asio::detached);
  }
}

[[noreturn]] void serve(int listening) {
  asio::io_context context(1);
  tcp::acceptor acceptor(context, tcp::v4(), listening);
  asio::co_spawn(context, accept_all(acceptor), asio::detached);
  context.run();
  std::_Exit(0);
}

Task<void> call_many(net::HttpClient& client, const net::HttpRequest& request, int& left) {
  while (left-- > 0) {
    const auto response = co_await client.send(request);
    if (response.status != 200 || response.body.size() != 15) std::abort();
  }
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void run(net::HttpClient& client, const net::HttpRequest& request, int calls, int at_once) {
  asio::io_context context(1);
  int left = calls;
  for (int i = 0; i < at_once; ++i) asio::co_spawn(context, call_many(client, request, left), asio::detached);
  context.run();
}

}  // namespace

int main(int argc, char** argv) {
  const int calls = argc > 1 ? std::atoi(argv[1]) : 200'000;
  const int at_once = argc > 2 ? std::atoi(argv[2]) : 16;
  asio::io_context setup(1);
  tcp::acceptor acceptor(setup, {asio::ip::address_v4::loopback(), 0});
  const auto port = acceptor.local_endpoint().port();
  const pid_t server = fork();
  if (server == 0) serve(dup(acceptor.native_handle()));
  acceptor.close();

  net::HttpClient client({}, net::ProxyRules{});
  net::HttpRequest request{.method = "POST", .url = net::parse_url(fmt::format("http://127.0.0.1:{}/v1/x", port))};
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer some-token-of-usual-length"}};
  request.body.assign(500, 'x');
  request.repeatable = true;
  run(client, request, calls / 10, at_once);  // warm up
  const auto cpu = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  run(client, request, calls, at_once);
  const auto wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{} calls, {} at once: {:.1f} us CPU a call, {:.0f} calls/s\n", calls, at_once,
             (cpu_seconds() - cpu) / calls * 1e6, calls / wall);
  kill(server, SIGTERM);
  waitpid(server, nullptr, 0);
}
