#pragma once
// For tests: a server with a small application, and gates at which its handlers wait for the test.
#include <fcntl.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "http/raw_client_test.hpp"
#include "http/router.hpp"
#include "http/server.hpp"

namespace http {

// Handlers wait here; the test waits for them to arrive, then lets them go.
class Gate {
 public:
  base::Task<> wait() {
    auto timer = std::make_shared<boost::asio::steady_timer>(co_await boost::asio::this_coro::executor,
                                                             std::chrono::steady_clock::time_point::max());
    {
      const std::scoped_lock lock(mutex_);
      if (!open_) waiting_.push_back(timer);
      ++arrived_;
      changed_.notify_all();
      if (open_) co_return;
    }
    try {
      co_await timer->async_wait(boost::asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      const std::scoped_lock lock(mutex_);
      if (open_) co_return;
      ++cancelled_;
      changed_.notify_all();
      throw;
    }
  }

  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    for (auto& timer : waiting_) boost::asio::post(timer->get_executor(), [timer] { timer->cancel(); });
    waiting_.clear();
  }

  bool arrived(int count = 1) { return reached(arrived_, count); }
  bool cancelled(int count = 1) { return reached(cancelled_, count); }

 private:
  bool reached(const int& number, int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return number >= count; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int arrived_ = 0;
  int cancelled_ = 0;
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

inline int test_status(base::Code code) {
  switch (code) {
    case base::Code::bad_request: return 400;
    case base::Code::not_found: return 404;
    case base::Code::method_not_allowed: return 405;
    case base::Code::conflict: return 409;
    case base::Code::payload_too_large: return 413;
    case base::Code::shutting_down: return 503;
    default: return 500;
  }
}

inline Response test_error(const base::Error& error, std::string_view request_id) {
  auto response = Response::json(test_status(error.code), {{"error", base::to_string(error.code)},
                                                           {"message", error.message},
                                                           {"details", error.details},
                                                           {"request_id", request_id}});
  if (error.retry_after) response.headers.emplace_back("Retry-After", "1");
  return response;
}

class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}) {
    EXPECT_EQ(pipe2(log_pipe_, O_CLOEXEC | O_NONBLOCK), 0);
    fcntl(log_pipe_[1], F_SETPIPE_SZ, 1 << 20);
    log_ = std::make_unique<telemetry::Log>(log_pipe_[1], telemetry::Level::debug, clock_);
    add_routes();
    options.port = 0;
    if (options.threads == 0) options.threads = 2;
    const Application application{.handle = [this](Request& request) { return router_.match(request).target(request); },
                                  .to_response = test_error};
    server_ =
        std::make_unique<Server>(std::move(options), application, ServerEnvironment{*log_, metrics, clock_, ids_});
    server_->start();
  }
  ~TestServer() {
    gate.open();
    server_.reset();
    log_.reset();
    close(log_pipe_[0]);
    close(log_pipe_[1]);
  }

  RawClient client() { return RawClient(server_->port()); }
  Server& server() { return *server_; }

  // Log lines so far.
  std::string log() {
    log_->flush();
    char bytes[65536];
    for (auto got = read(log_pipe_[0], bytes, sizeof bytes); got > 0; got = read(log_pipe_[0], bytes, sizeof bytes)) {
      log_text_.append(bytes, static_cast<std::size_t>(got));
    }
    return log_text_;
  }

  // False when it takes longer than a test may.
  bool becomes(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  Gate gate;
  std::atomic<int> streams_left_by_client = 0;
  std::atomic<int> here = 0;  // clients of /linger that were there at its begin, and that left
  std::atomic<int> left = 0;
  telemetry::Registry metrics;

 private:
  using Route = std::function<base::Task<Response>(Request&)>;

  void add_routes() {
    router_.add("GET", "/hello", [](Request& request) -> base::Task<Response> {
      co_return Response::json(200, {{"hello", request.query_value("name").value_or("you")}});
    });
    router_.add("POST", "/echo", [](Request& request) -> base::Task<Response> {
      request.notes.user_id = "user_1";
      Response response;
      response.content_type = "text/plain";
      response.body = request.body;
      co_return response;
    });
    router_.add("POST", "/nothing", [](Request&) -> base::Task<Response> { co_return Response::no_content(); });
    router_.add("GET", "/refuse", [](Request&) -> base::Task<Response> {
      throw base::Error(base::Code::conflict, "it is taken");
      co_return Response();
    });
    router_.add("GET", "/fail", [](Request&) -> base::Task<Response> {
      throw std::runtime_error("what somebody said");
      co_return Response();
    });
    router_.add("GET", "/wait", [this](Request&) -> base::Task<Response> {
      co_await gate.wait();
      co_return Response::json(200, {{"waited", true}});
    });
    router_.add("GET", "/linger", [this](Request& request) -> base::Task<Response> {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
      here += request.client_left() ? 0 : 1;
      while (!request.client_left()) {
        timer.expires_after(std::chrono::milliseconds(1));
        co_await timer.async_wait(boost::asio::use_awaitable);
      }
      ++left;
      co_return Response::no_content();
    });
    router_.add("GET", "/stream", [this](Request&) -> base::Task<Response> { co_return stream(); });
    router_.add("GET", "/endless", [this](Request&) -> base::Task<Response> { co_return endless(); });
    router_.add("GET", "/broken", [](Request&) -> base::Task<Response> {
      Response response;
      response.stream = [](StreamWriter& writer) -> base::Task<> {
        co_await writer.write("begun");
        throw std::runtime_error("what somebody said");
      };
      co_return response;
    });
  }

  Response stream() {
    Response response;
    response.content_type = "text/event-stream";
    response.stream = [this](StreamWriter& writer) -> base::Task<> {
      co_await writer.write("data: 1\n\n");
      co_await gate.wait();
      co_await writer.write("data: 2\n\n");
    };
    return response;
  }

  Response endless() {
    Response response;
    response.stream = [this](StreamWriter& writer) -> base::Task<> {
      while (co_await writer.write(std::string(65536, 'x'))) {
      }
      ++streams_left_by_client;
    };
    return response;
  }

  int log_pipe_[2]{-1, -1};
  std::string log_text_;
  base::FakeClock clock_;
  base::FakeRandom random_;
  base::Ids ids_{clock_, random_};
  std::unique_ptr<telemetry::Log> log_;
  Router<Route> router_;
  std::unique_ptr<Server> server_;
};

}  // namespace http
