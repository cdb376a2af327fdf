#pragma once
// HTTP/1.1 client: connections are pooled by origin and io_context thread, TLS trusts the system's certificates, proxies
// come from the environment, and every wait has an end.
//
// Any thread may call, from a coroutine that runs on an io_context with one thread; the call stays on that io_context.
// A call that gets no answer throws what net/failure.hpp describes: Error{dependency_unavailable} with the stage it
// ended in. An answer is an answer whatever its status; redirects are not followed. Cancelling the awaiting coroutine
// closes the connection and throws boost::system::system_error(operation_aborted).
#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "net/headers.hpp"
#include "net/proxy.hpp"
#include "net/url.hpp"

namespace boost::asio {
class io_context;
}

namespace net {

struct ClientOptions {
  int max_connections = 4096;  // to one origin, from one thread (a streamed answer holds one); further calls wait
  int max_idle = 64;  // kept open of these
  int max_waiting = 1024;  // calls in that line; more are refused at once
  base::Milliseconds idle_for{30'000};  // then an unused connection is closed; 0 keeps none
  std::int64_t max_header_bytes = 64 * 1024;
  std::int64_t max_body_bytes = 16 * 1024 * 1024;
  std::string ca_file;  // certificates (PEM) to trust besides the system's
  // The last two are no settings: who makes the client decides.
  // Connects to public addresses alone (net/public_address.hpp), judged by the address that the connection really goes
  // to, whatever the name resolved to before. Others are refused before a byte is sent: Stage::refused.
  bool public_only = false;
  std::vector<std::string> public_exceptions;  // "127.0.0.1:8080": hosts and ports that are allowed all the same
};
BOOST_DESCRIBE_STRUCT(ClientOptions, (),
                      (max_connections, max_idle, max_waiting, idle_for, max_header_bytes, max_body_bytes, ca_file))

// 0 means no limit.
struct HttpTimeouts {
  base::Milliseconds connect{2'000};  // a place in the pool, name look-up, TCP, proxy and TLS together
  base::Milliseconds first_byte{20'000};  // sending the request, and then again from its last byte to the header's end
  base::Milliseconds idle{15'000};  // silence inside the body
  base::Milliseconds total{120'000};
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<std::pair<std::string, std::string>> headers;  // besides Host, Content-Length and User-Agent
  std::string body;
  HttpTimeouts timeouts;
  std::int64_t max_body_bytes = 0;  // of the answer; 0 for the client's
  // A kept connection may turn out closed before any byte of the answer came; then the request is sent once more on a
  // new one. Always done for GET, HEAD, PUT, DELETE and OPTIONS; for other methods only when this says it does no harm.
  bool repeatable = false;
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

struct PoolStats {
  int idle = 0;
  int in_use = 0;
  int waiting = 0;
  std::uint64_t opened = 0;  // since the start
  std::uint64_t reused = 0;
};

struct ClientSettings;

// A response whose body is read as it comes. Stays on the thread that opened it; destroying it before the end closes
// the connection.
class HttpStream {
 public:
  HttpStream(HttpStream&&) noexcept;
  HttpStream& operator=(HttpStream&&) noexcept;
  ~HttpStream();

  int status() const;
  const Headers& headers() const;
  std::chrono::steady_clock::time_point sent_at() const;  // when the request's last byte went out
  // What has come since the last call, as soon as there is something; "" at the end. Valid until the next call. When
  // `by` is given, nothing having come by then is a time-out of stage first_byte, in place of the idle time-out.
  base::Task<std::string_view> read_some(std::optional<std::chrono::steady_clock::time_point> by = {});

 private:
  friend class HttpClient;
  struct State;
  explicit HttpStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class HttpClient {
 public:
  explicit HttpClient(ClientOptions options = {}, ProxyRules proxies = proxy_rules_from_environment());
  HttpClient(const HttpClient&) = delete;

  base::Task<HttpResponse> send(const HttpRequest& request);  // `request` must live until the answer is there
  base::Task<HttpStream> open(const HttpRequest& request);  // returns when the header is there

  // Of one thread's io_context; call on that thread.
  PoolStats stats(boost::asio::io_context& context) const;

 private:
  std::shared_ptr<const ClientSettings> settings_;
};

}  // namespace net
