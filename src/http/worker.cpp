#include "http/worker.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detail/socket_option.hpp>

#include "http/session.hpp"

namespace http {
namespace {

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
constexpr base::Milliseconds kCrowded{10};     // until we look again whether a connection has ended
constexpr base::Milliseconds kOutOfFiles{50};  // until we try again to accept

// A fraction of the shortest time-out, so that none is late by much.
base::Milliseconds sweep_period(const ServerOptions& options) {
  base::Milliseconds shortest{4'000};
  for (const auto timeout :
       {options.header_timeout, options.body_timeout, options.write_timeout, options.idle_timeout}) {
    if (timeout.count() > 0) shortest = std::min(shortest, timeout);
  }
  return std::max(shortest / 4, base::Milliseconds(2));
}

// Owned by the handler of its own coroutine's end: destroyed when that has ended, or with the io_context.
template <class Stream>
void spawn(Worker& worker, Stream stream, std::string remote) {
  auto session = std::make_unique<Session<Stream>>(worker, std::move(stream), std::move(remote));
  auto& connection = *session;
  worker.connections.push_back(connection);
  asio::co_spawn(worker.context.get_executor(), connection.run(),
                 asio::bind_cancellation_slot(connection.cancel.slot(),
                                              [owner = std::move(session)](const std::exception_ptr&) {}));
}

}  // namespace

void Worker::listen(const asio::ip::tcp::endpoint& endpoint) {
  acceptor.open(endpoint.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.set_option(ReusePort(true));
  acceptor.set_option(asio::ip::tcp::no_delay(true));  // accepted sockets inherit it
  acceptor.bind(endpoint);
  acceptor.listen(4096);
  acceptor.non_blocking(true);
}

void Worker::start() { asio::co_spawn(context.get_executor(), accept(), asio::detached); }

base::Task<> Worker::accept() {
  asio::steady_timer pause(context);
  while (!shared.draining) {
    if (shared.open >= shared.options.max_connections) {
      close_longest_idle();
      pause.expires_after(kCrowded);
      co_await pause.async_wait(kNoThrow);
      continue;
    }
    auto [failed, socket] = co_await acceptor.async_accept(kNoThrow);
    if (failed == asio::error::operation_aborted) co_return;
    if (!failed) {
      open(std::move(socket));
      continue;
    }
    shared.environment.log.write(telemetry::Level::error, "accept_failed", {{"reason", failed.message()}});
    pause.expires_after(kOutOfFiles);
    co_await pause.async_wait(kNoThrow);
  }
}

void Worker::open(Socket socket) {
  boost::system::error_code failed;
  const auto peer = socket.remote_endpoint(failed);
  if (failed) return;  // it left already
  socket.non_blocking(true, failed);
  ++shared.open;
  auto remote = peer.address().to_string();
  if (shared.tls) {
    spawn(*this, asio::ssl::stream<Socket>(std::move(socket), *shared.tls), std::move(remote));
  } else {
    spawn(*this, std::move(socket), std::move(remote));
  }
  if (!std::exchange(sweeping, true)) keep_sweeping();
}

bool Worker::accept_waiting() {
  boost::system::error_code failed;
  auto socket = acceptor.accept(failed);
  if (failed) return false;
  open(std::move(socket));
  return true;
}

void Worker::close_longest_idle() {
  Connection* oldest = nullptr;
  for (auto& connection : connections) {
    if (connection.idle && (oldest == nullptr || connection.deadline < oldest->deadline)) oldest = &connection;
  }
  if (oldest != nullptr) oldest->interrupt();
}

void Worker::keep_sweeping() {
  sweep_timer.expires_after(sweep_period(shared.options));
  sweep_timer.async_wait([this](const boost::system::error_code& failed) {
    if (failed) return;
    sweep();
    sweeping = !connections.empty();
    if (sweeping) keep_sweeping();
  });
}

void Worker::sweep() {
  const auto now = Steady::now();
  for (auto at = connections.begin(); at != connections.end();) {
    auto& connection = *at++;
    if (connection.deadline > now) continue;
    connection.deadline = Steady::time_point::max();
    connection.expired = true;
    connection.interrupt();
  }
}

void Worker::drain() {
  // Who is in the kernel's queue has been told that we are there: answer, if only with 503.
  while (accept_waiting()) {
  }
  boost::system::error_code ignored;
  acceptor.close(ignored);
  for (auto at = connections.begin(); at != connections.end();) {
    auto& connection = *at++;
    if (connection.idle) connection.interrupt();
  }
  --shared.undrained;
  const std::scoped_lock lock(shared.mutex);
  shared.closed.notify_all();
}

void Worker::cancel_all() {
  for (auto at = connections.begin(); at != connections.end();) {
    auto& connection = *at++;
    connection.close();
    connection.cancel.emit(asio::cancellation_type::terminal);
  }
}

std::string_view Worker::date() {
  const auto second =
      std::chrono::floor<std::chrono::seconds>(shared.environment.clock.now()).time_since_epoch().count();
  if (second != date_second) {
    date_second = second;
    date_text = format_http_date(second);
  }
  return date_text;
}

std::string_view known_method(std::string_view method) {
  for (const std::string_view known : {"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "-"}) {
    if (method == known) return known;
  }
  return "OTHER";
}

RouteMetrics& Worker::metrics(std::string_view route, std::string_view method, int status) {
  // Routes live as long as the process: their address (47 bits) is their name. Methods differ in their first letters.
  const auto letters = static_cast<std::uint64_t>(method[0] ^ (method.size() > 1 ? method[1] << 1 : 0)) & 0x7F;
  const auto key = reinterpret_cast<std::uintptr_t>(route.data()) << 17 ^ letters << 10 ^ static_cast<unsigned>(status);
  const auto found = route_metrics.find(key);
  if (found != route_metrics.end()) return found->second;
  auto& registry = shared.environment.metrics;
  const std::string route_label(route);
  RouteMetrics made{
      registry.counter("purposepath_http_requests_total", "Requests answered.",
                       {{"route", route_label}, {"method", std::string(method)}, {"status", std::to_string(status)}}),
      registry.histogram("purposepath_http_request_duration_seconds",
                         "From the last byte of the request to the last byte of the answer.",
                         {{"route", route_label}})};
  return route_metrics.emplace(key, made).first->second;
}

}  // namespace http
