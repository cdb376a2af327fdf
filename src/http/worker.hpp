#pragma once
// Inside the server: what the connections of one thread share. Included by server.cpp and session.hpp only.
#include <array>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "http/server.hpp"

namespace http {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Steady = std::chrono::steady_clock;

// What all threads share; constant after start-up but for the atomics.
struct Shared {
  Shared(ServerOptions server_options, Application server_application, ServerEnvironment server_environment);

  ServerOptions options;
  Application application;
  ServerEnvironment environment;
  Cors cors;
  std::optional<asio::ssl::context> tls;
  std::atomic<bool> draining = false;
  std::atomic<std::int64_t> open = 0;
  std::atomic<int> undrained = 0;  // workers that have not yet answered to drain()
  std::mutex mutex;
  std::condition_variable closed;  // a connection ended while draining
  telemetry::Gauge& in_flight;
  telemetry::Gauge& open_connections;
  telemetry::Gauge& open_streams;
};

class Connection : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~Connection() = default;
  virtual void interrupt() = 0;  // ends what waits on the socket
  virtual void close() = 0;      // for good

  Steady::time_point deadline = Steady::time_point::max();
  bool idle = false;             // between two requests
  bool expired = false;          // a deadline passed
  asio::cancellation_signal cancel;
};
using Connections = boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>>;

// The metrics of one route, method and status, looked up once a thread.
struct RouteMetrics {
  telemetry::Counter& requests;
  telemetry::Histogram& duration;
};

struct Worker {
  explicit Worker(Shared& shared_state) : shared(shared_state), acceptor(context), sweep_timer(context) {}

  void listen(const asio::ip::tcp::endpoint& endpoint);
  void start();           // on the thread that calls
  void drain();           // on its own thread, as all below
  void cancel_all();
  base::Task<> accept();
  bool accept_waiting();  // one connection of the kernel's queue; false when there is none
  void open(Socket socket);
  void close_longest_idle();
  void keep_sweeping();   // while there are connections
  void sweep();
  std::string_view date();
  RouteMetrics& metrics(std::string_view route, std::string_view method, int status);

  Shared& shared;
  Connections connections;
  bool sweeping = false;
  std::int64_t date_second = -1;
  std::string date_text;
  std::unordered_map<std::uint64_t, RouteMetrics> route_metrics;
  asio::io_context context{1};  // after what its coroutines use: they are destroyed with it
  Acceptor acceptor;
  asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, Executor> sweep_timer;
  std::thread thread;
};

// GET, …; what is none of HTTP's is "OTHER", so that a client cannot make up label values.
std::string_view known_method(std::string_view method);

}  // namespace http
