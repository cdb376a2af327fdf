// How a connection comes about: name, TCP, proxy, TLS.
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "net/pool.hpp"
#include "net/public_address.hpp"

namespace net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

using Endpoints = std::vector<tcp::endpoint>;

// getaddrinfo() runs on a thread of Asio's and cannot be stopped, so the wait for it is a timer that its answer ends.
struct Lookup {
  Lookup(asio::io_context& context, TimePoint by) : resolver(context), timer(context, by) {}
  tcp::resolver resolver;
  asio::steady_timer timer;
  bool done = false;
  error_code failed;
  Endpoints endpoints;
};

base::Task<Endpoints> look_up(asio::io_context& context, const Url& url, TimePoint by) {
  error_code is_name;
  const auto address = asio::ip::make_address(url.host, is_name);
  if (!is_name) co_return Endpoints{{address, url.port}};
  const auto lookup = std::make_shared<Lookup>(context, by);
  lookup->resolver.async_resolve(url.host, std::to_string(url.port), tcp::resolver::numeric_service,
                                 [lookup](error_code failed, const tcp::resolver::results_type& results) {
                                   lookup->done = true;
                                   lookup->failed = failed;
                                   for (const auto& entry : results) lookup->endpoints.push_back(entry.endpoint());
                                   lookup->timer.cancel();
                                 });
  error_code woken;
  co_await lookup->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (!lookup->done && woken) throw boost::system::system_error(woken);
  if (!lookup->done)
    throw failure(Stage::dns, true, fmt::format("looking up the host name \"{}\" took too long", url.host));
  if (lookup->failed) {
    throw failure(Stage::dns, false,
                  fmt::format("cannot find the host \"{}\": {}", url.host, lookup->failed.message()));
  }
  co_return lookup->endpoints;
}

// One address after the other; a silent one gets only its share of the time, so that the next has some left.
base::Task<void> connect_tcp(Connection& connection, const Url& url, const Endpoints& endpoints, TimePoint by) {
  error_code failed = asio::error::host_not_found;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const auto now = std::chrono::steady_clock::now();
    const auto share = by == TimePoint::max() ? 10s : std::chrono::nanoseconds(by - now) / (endpoints.size() - i);
    const bool last = i + 1 == endpoints.size();
    connection.start_over();
    connection.expect(Stage::connect, last ? by : now + std::chrono::duration_cast<TimePoint::duration>(share));
    connection.socket.open(endpoints[i].protocol(), failed);
    if (failed) continue;
    std::tie(failed) = co_await connection.socket.async_connect(endpoints[i], asio::as_tuple(asio::use_awaitable));
    const bool given_up = connection.expired() && !last;
    if (!failed && !connection.expired()) break;
    if (failed == asio::error::operation_aborted && !given_up) break;
  }
  if (failed || connection.expired()) fail(connection, url.origin, Stage::connect, failed);
  connection.socket.set_option(tcp::no_delay(true), failed);
  connection.socket.non_blocking(true, failed);
}

base::Task<void> connect_proxy(Connection& connection, const Url& url, const Url& proxy) {
  std::string request = fmt::format("CONNECT {0}:{1} HTTP/1.1\r\nHost: {0}:{1}\r\n",
                                    url.host.find(':') == url.host.npos ? url.host : "[" + url.host + "]", url.port);
  request += proxy_authorization(proxy) + "\r\n";
  if (const auto failed = co_await connection.write(request, {}))
    fail(connection, proxy.origin, Stage::connect, failed);
  std::string no_body;
  connection.parser.start(true, {.header_bytes = 16 * 1024, .body_bytes = 0});
  while (!connection.parser.is_done()) {
    if (const auto failed = co_await connection.receive(no_body))
      fail(connection, proxy.origin, Stage::connect, failed);
  }
  if (connection.parser.status() / 100 != 2) {
    throw failure(
        Stage::connect, false,
        fmt::format("the proxy {} answered {} to CONNECT {}", proxy.origin, connection.parser.status(), url.origin));
  }
}

std::string explain_tls(Connection& connection, error_code failed) {
  const long verified = SSL_get_verify_result(connection.tls->native_handle());
  if (verified == X509_V_OK) return failed.message();
  return fmt::format(
      "its certificate is not trusted: {} (if a company's own authority signed it, name that authority's "
      "file as ca_file)",
      X509_verify_cert_error_string(verified));
}

base::Task<void> shake_hands(Connection& connection, const Url& url, const ClientSettings& settings) {
  auto& tls = connection.tls.emplace(connection.socket, settings.trust.context());
  auto* handle = tls.native_handle();
  error_code is_name;
  asio::ip::make_address(url.host, is_name);
  if (is_name) SSL_set_tlsext_host_name(handle, url.host.c_str());
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  SSL_set_alpn_protos(handle, kHttp11, sizeof kHttp11 - 1);
  // OpenSSL's own check, so that the reason is in the verify result.
  if (is_name) {
    SSL_set1_host(handle, url.host.c_str());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), url.host.c_str());
  }
  const auto [failed] =
      co_await tls.async_handshake(asio::ssl::stream_base::client, asio::as_tuple(asio::use_awaitable));
  if (!failed) co_return;
  if (connection.expired() || failed == asio::error::operation_aborted)
    fail(connection, url.origin, Stage::tls, failed);
  throw failure(Stage::tls, false,
                fmt::format("no TLS connection to {}: {}", url.origin, explain_tls(connection, failed)));
}

// All addresses of a name have to be public: one that is both at once is up to something. The message names no address,
// so that nobody learns what a name of the inner network resolves to.
void check_public(const Url& url, const Endpoints& endpoints, const ClientOptions& options) {
  if (!options.public_only) return;
  const auto exact = fmt::format("{}:{}", url.host, url.port);
  if (std::ranges::find(options.public_exceptions, exact) != options.public_exceptions.end()) return;
  for (const auto& endpoint : endpoints) {
    if (const auto what = why_not_public(endpoint.address())) {
      throw failure(Stage::refused, false, fmt::format("{} is at {}, not in the public Internet", url.host, *what));
    }
  }
}

}  // namespace

std::string proxy_authorization(const Url& proxy) {
  if (proxy.user_info.empty()) return {};
  return "Proxy-Authorization: Basic " + base::base64_encode(proxy.user_info) + "\r\n";
}

base::Task<void> connect(asio::io_context& context, Connection& connection, const Url& url,
                         const ClientSettings& settings, TimePoint by) {
  const auto* proxy = settings.proxies.proxy_for(url);
  const auto& peer = proxy != nullptr ? *proxy : url;
  // Behind a proxy the name is looked up twice, here and there, and only here can it be judged.
  if (proxy != nullptr && settings.options.public_only) {
    check_public(url, co_await look_up(context, url, by), settings.options);
  }
  const auto endpoints = co_await look_up(context, peer, by);
  if (proxy == nullptr) check_public(url, endpoints, settings.options);
  co_await connect_tcp(connection, peer, endpoints, by);
  if (proxy != nullptr && url.tls) co_await connect_proxy(connection, url, *proxy);
  if (!url.tls) co_return;
  connection.expect(Stage::tls, by);
  co_await shake_hands(connection, url, settings);
}

void fail(const Connection& connection, std::string_view origin, Stage stage, error_code why) {
  if (connection.expired()) {
    const auto waited_for = connection.stage();
    throw failure(waited_for, true, fmt::format("{} did not answer in time ({})", origin, base::name_of(waited_for)));
  }
  if (why == asio::error::operation_aborted) throw boost::system::system_error(why);
  switch (stage) {
    case Stage::connect: throw failure(stage, false, fmt::format("cannot connect to {}: {}", origin, why.message()));
    case Stage::response:
      throw failure(stage, false, fmt::format("cannot make sense of the answer of {}: {}", origin, why.message()));
    default:
      throw failure(stage, false,
                    fmt::format("{} closed the connection before it answered: {}", origin, why.message()));
  }
}

}  // namespace net
