// The server layer alone, for wrk: GET /plain answers at once, GET /stream keeps an event stream open.
//   server_bench PORT [THREADS]     then: wrk -t1 -c64 -d5s http://127.0.0.1:PORT/plain
// Prints CPU time a request every second; log lines go to /dev/null, as in the product they go to a file.
#include <fcntl.h>
#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "http/router.hpp"
#include "http/server.hpp"
#include "http/sse.hpp"
#include "telemetry/process.hpp"

namespace {

std::atomic<std::uint64_t> served = 0;

base::Task<http::Response> plain(http::Request&) {
  ++served;
  http::Response response;
  response.body = R"({"status":"healthy"})";
  co_return response;
}

base::Task<http::Response> open_stream(http::Request&) {
  http::Response response;
  response.content_type = http::kEventStream;
  response.stream = [](http::StreamWriter& writer) -> base::Task<> {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    while (co_await writer.write(std::string(http::kKeepAlive))) {
      timer.expires_after(std::chrono::seconds(15));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
  };
  co_return response;
}

}  // namespace

int main(int count, char** arguments) {
  http::ServerOptions options;
  options.port = count > 1 ? std::atoi(arguments[1]) : 8090;
  options.threads = count > 2 ? std::atoi(arguments[2]) : 0;
  const base::SystemClock clock;
  base::SystemRandom random;
  base::Ids ids(clock, random);
  telemetry::Registry metrics;
  telemetry::Log log(open("/dev/null", O_WRONLY), telemetry::Level::info, clock);
  http::Router<std::function<base::Task<http::Response>(http::Request&)>> router;
  router.add("GET", "/plain", plain);
  router.add("GET", "/stream", open_stream);
  const http::Application application{
      .handle = [&](http::Request& request) { return router.match(request).target(request); },
      .to_response =
          [](const base::Error& error, std::string_view) {
            http::Response response;
            response.status = 400;
            response.body = error.message;
            return response;
          }};
  http::Server server(options, application, {log, metrics, clock, ids});
  server.start();
  fmt::print("http://127.0.0.1:{}/plain\n", server.port());
  for (std::uint64_t before = 0;; std::this_thread::sleep_for(std::chrono::seconds(1))) {
    static double cpu_before = 0;
    const auto status = telemetry::read_process_status();
    const auto now = served.load();
    if (now > before) {
      fmt::print("{} requests, {:.2f} us CPU each, ", now - before,
                 (status.cpu_seconds - cpu_before) * 1e6 / static_cast<double>(now - before));
    }
    fmt::print("{} connections, {} KB resident\n", server.open_connections(), status.resident_bytes / 1024);
    std::fflush(stdout);
    before = now;
    cpu_before = status.cpu_seconds;
  }
}
