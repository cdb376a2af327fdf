#pragma once
// HTTP/1.1 over TCP or TLS: keep-alive, pipelining, limits, time-outs, streams, graceful drain. It knows nothing of
// the API: one function answers every request.
#include <boost/asio/io_context.hpp>
#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/ids.hpp"
#include "http/cors.hpp"
#include "http/message.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/trace.hpp"

namespace http {

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address, or "localhost"
  int port = 8000;                 // 0: any free one, see Server::port()
  int threads = 0;                 // 0: as many as there are cores
  std::int64_t max_header_bytes = 16 * 1024;
  std::int64_t max_body_bytes = 1024 * 1024;
  std::int64_t max_connections = 20'000;  // beyond it idle ones are closed, and new ones wait in the kernel's queue
  // 0 switches a time-out off (for benchmarks only).
  base::Milliseconds header_timeout{10'000};  // from a request's first byte to the end of its header
  base::Milliseconds body_timeout{30'000};    // for the whole body
  base::Milliseconds write_timeout{30'000};   // for one write
  base::Milliseconds idle_timeout{75'000};    // between two requests
  base::Milliseconds drain_timeout{25'000};   // how long requests and streams may go on after drain() was called
  base::Milliseconds sse_keep_alive{15'000};  // a comment line in a stream that has been silent for so long
  std::string tls_certificate;                // PEM file with the chain; "" for plain HTTP
  std::string tls_key;                        // PEM file
  CorsOptions cors;
};
BOOST_DESCRIBE_STRUCT(ServerOptions, (),
                      (host, port, threads, max_header_bytes, max_body_bytes, max_connections, header_timeout,
                       body_timeout, write_timeout, idle_timeout, drain_timeout, sse_keep_alive, tls_certificate,
                       tls_key, cors))

// What answers. Both are called on the io_context thread of the connection, many at a time.
struct Application {
  // May throw; a base::Error becomes a response by `to_response`, anything else internal_error and a log line.
  std::function<base::Task<Response>(Request&)> handle;
  std::function<Response(const base::Error&, std::string_view request_id)> to_response;
};

// What the server works with; all outlive it.
struct ServerEnvironment {
  telemetry::Log& log;
  telemetry::Registry& metrics;
  const base::Clock& clock;
  base::Ids& ids;
  telemetry::Tracer* tracer = nullptr;  // none: no traces
};

// One io_context and one thread a core, each with its own listening socket (SO_REUSEPORT); a connection stays on its
// thread. Public functions are for one thread, that of main().
class Server {
 public:
  // Listens at once, answers from start() on. Throws Error{internal_error} when the address is taken or not ours, and
  // Error{validation_error} for a certificate that cannot be used.
  Server(ServerOptions options, Application application, ServerEnvironment environment);
  // Stops at once. Coroutines that still wait on an io_context are destroyed.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  void start();

  // Returns when the last connection has ended: accepts no more, closes idle connections, lets requests and streams
  // go on up to drain_timeout, then cancels them (terminal cancellation) and gives them a second to end. Requests that
  // arrive meanwhile get 503 shutting_down.
  void drain();
  // Ends the threads. The io_contexts stay until the destructor, so that whoever posts to them can be stopped between.
  void stop();

  // For work beside requests, such as jobs; i < threads().
  std::size_t threads() const;
  boost::asio::io_context& context(std::size_t i);

  std::int64_t open_connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace http
