#include "http/server.hpp"

#include <fmt/format.h>

#include <boost/core/demangle.hpp>
#include <csignal>
#include <cstring>
#include <deque>

#include "http/session.hpp"
#include "http/worker.hpp"

namespace http {
namespace {

asio::ip::address address_of(const std::string& host) {
  if (host == "localhost") return asio::ip::address_v4::loopback();
  boost::system::error_code failed;
  const auto address = asio::ip::make_address(host, failed);
  if (failed) {
    throw base::Error(base::Code::validation_error,
                      fmt::format("host '{}' is not an address; write 127.0.0.1, or 0.0.0.0 for all interfaces", host));
  }
  return address;
}

[[noreturn]] void cannot_listen(const ServerOptions& options, const std::string& reason) {
  throw base::Error(base::Code::internal_error,
                    fmt::format("cannot listen on {}:{}: {}; stop the program that has the port, or choose another one",
                                options.host, options.port, reason));
}

// SO_REUSEPORT would let two servers share a port and each get half of the connections; this bind, without it, fails
// when somebody listens there.
void claim(const asio::ip::tcp::endpoint& endpoint) {
  if (endpoint.port() == 0) return;
  asio::io_context context;
  asio::ip::tcp::acceptor probe(context, endpoint.protocol());
  probe.set_option(asio::socket_base::reuse_address(true));
  probe.bind(endpoint);
}

asio::ssl::context load_tls(const ServerOptions& options) {
  try {
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv3 |
                    asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION |
                    SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_OFF);  // tickets do the same without memory
    tls.use_certificate_chain_file(options.tls_certificate);
    tls.use_private_key_file(options.tls_key.empty() ? options.tls_certificate : options.tls_key,
                             asio::ssl::context::pem);
    return tls;
  } catch (const boost::system::system_error& error) {
    throw base::Error(base::Code::validation_error,
                      fmt::format("cannot use the TLS certificate '{}' with key '{}': {}", options.tls_certificate,
                                  options.tls_key, error.code().message()));
  }
}

void run(Worker& worker) {
  while (true) {
    try {
      worker.context.run();
      return;
    } catch (...) {
      log_unknown(worker.shared.environment.log, "", std::current_exception());
    }
  }
}

}  // namespace

void log_unknown(telemetry::Log& log, std::string_view request_id, std::exception_ptr failure) {
  std::string type = "unknown";
  std::string text;
  try {
    std::rethrow_exception(failure);
  } catch (const base::Error& error) {
    type = base::to_string(error.code);
    text = error.message;
  } catch (const boost::system::system_error& error) {
    type = "system_error";
    text = error.code().message();
  } catch (const std::exception& error) {
    type = boost::core::demangle(typeid(error).name());
  } catch (...) {
  }
  log.write(telemetry::Level::error, "unexpected_failure",
            {{"request_id", request_id}, {"type", type}, {"message", text}});
}

asio::mutable_buffer ReadBuffer::room(std::size_t limit) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == capacity_) {
    const auto waiting = end_ - begin_;
    if (waiting >= limit) return {};
    // Move to the front when that frees half, else double.
    move_to(waiting * 2 <= capacity_ && capacity_ > 0 ? capacity_ : std::max(kSmall, capacity_ * 2));
  }
  return {data_.get() + end_, capacity_ - end_};
}

void ReadBuffer::append(std::string_view bytes) {
  if (end_ + bytes.size() > capacity_) move_to(end_ - begin_ + bytes.size() + kSmall / 4);
  std::memcpy(data_.get() + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
}

void ReadBuffer::shrink() {
  if (capacity_ > kSmall) release();
}

void ReadBuffer::release() {
  if (begin_ < end_) return move_to(end_ - begin_);
  data_.reset();
  capacity_ = begin_ = end_ = 0;
}

void ReadBuffer::move_to(std::size_t capacity) {
  const auto waiting = end_ - begin_;
  if (capacity == capacity_) {
    std::memmove(data_.get(), data_.get() + begin_, waiting);
  } else {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (waiting > 0) std::memcpy(larger.get(), data_.get() + begin_, waiting);
    data_ = std::move(larger);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = waiting;
}

Shared::Shared(ServerOptions server_options, Application server_application, ServerEnvironment server_environment)
    : options(std::move(server_options)),
      application(std::move(server_application)),
      environment(server_environment),
      cors(options.cors),
      in_flight(environment.metrics.gauge("purposepath_http_requests_in_flight", "Requests being answered.")),
      open_connections(environment.metrics.gauge("purposepath_http_open_connections", "Open connections.")),
      open_streams(environment.metrics.gauge("purposepath_http_open_streams", "Answers being streamed.")) {
  if (!options.tls_certificate.empty()) tls.emplace(load_tls(options));
}

struct Server::State {
  State(ServerOptions options, Application application, ServerEnvironment environment)
      : shared(std::move(options), std::move(application), environment) {}

  void listen();

  Shared shared;
  std::deque<Worker> workers;
  int port = 0;
};

void Server::State::listen() {
  const auto& options = shared.options;
  asio::ip::tcp::endpoint endpoint(address_of(options.host), static_cast<std::uint16_t>(options.port));
  const auto count =
      options.threads > 0 ? static_cast<unsigned>(options.threads) : std::max(1u, std::thread::hardware_concurrency());
  try {
    claim(endpoint);
    for (unsigned i = 0; i < count; ++i) {
      workers.emplace_back(shared).listen(endpoint);
      endpoint.port(workers.front().acceptor.local_endpoint().port());
    }
  } catch (const boost::system::system_error& error) {
    cannot_listen(options, error.code().message());
  }
  port = endpoint.port();
}

Server::Server(ServerOptions options, Application application, ServerEnvironment environment)
    : state_(std::make_unique<State>(std::move(options), std::move(application), environment)) {
  state_->listen();
}

Server::~Server() { stop(); }

int Server::port() const { return state_->port; }
std::size_t Server::threads() const { return state_->workers.size(); }
asio::io_context& Server::context(std::size_t i) { return state_->workers[i].context; }
std::int64_t Server::open_connections() const { return state_->shared.open; }

void Server::start() {
  // Signals are for main().
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (auto& worker : state_->workers) {
    worker.start();
    worker.thread = std::thread([&worker] {
      const auto stay = asio::make_work_guard(worker.context);
      run(worker);
    });
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Server::drain() {
  auto& shared = state_->shared;
  shared.undrained = static_cast<int>(state_->workers.size());
  shared.draining = true;
  for (auto& worker : state_->workers) asio::post(worker.context, [&worker] { worker.drain(); });
  const auto none_open = [&] { return shared.undrained == 0 && shared.open == 0; };
  std::unique_lock lock(shared.mutex);
  if (!shared.closed.wait_for(lock, shared.options.drain_timeout, none_open)) {
    for (auto& worker : state_->workers) asio::post(worker.context, [&worker] { worker.cancel_all(); });
    shared.closed.wait_for(lock, std::chrono::seconds(1), none_open);
  }
}

void Server::stop() {
  for (auto& worker : state_->workers) worker.context.stop();
  for (auto& worker : state_->workers) {
    if (worker.thread.joinable()) worker.thread.join();
  }
}

}  // namespace http
