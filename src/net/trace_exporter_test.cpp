#include "net/trace_exporter.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <condition_variable>

#include "base/json.hpp"
#include "net/impostor_test.hpp"

namespace net {
namespace {

using namespace std::chrono_literals;
using base::Task;

// A collector that answers what it is told, one answer after the other, the last one again and again.
class Collector {
 public:
  explicit Collector(std::vector<std::string> answers) : answers_(std::move(answers)) {
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Collector() {
    context_.stop();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }

  // The number-th request (from 1), once it has come; "" when it does not.
  std::string request(std::size_t number) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, 20s, [&] { return requests_.size() >= number; });
    return came ? requests_[number - 1] : "";
  }
  std::size_t requests() {
    const std::scoped_lock lock(mutex_);
    return requests_.size();
  }

 private:
  Task<void> serve(Peer& peer) {
    for (;;) {
      auto request = co_await peer.read_request();
      if (request.empty()) co_return;
      std::string answer;
      {
        const std::scoped_lock lock(mutex_);
        answer = answers_[std::min(requests_.size(), answers_.size() - 1)];
        requests_.push_back(std::move(request));
      }
      changed_.notify_all();
      co_await peer.send(answer);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> stay_{context_.get_executor()};
  Impostor server_{context_, [this](Peer& peer) { return serve(peer); }};
  std::thread thread_;
};

std::string answer(const std::string& status, const std::string& body = "{}", const std::string& header = "") {
  return "HTTP/1.1 " + status + "\r\n" + header + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct TraceExporterTest : testing::Test {
  base::SystemClock clock;
  base::FakeRandom random;
  telemetry::Registry metrics;
  telemetry::Log log{::open("/dev/null", O_WRONLY | O_CLOEXEC), telemetry::Level::error, clock};
  HttpClient http{{}, ProxyRules{}};
  telemetry::Tracer tracer{1, clock, random, metrics};
  telemetry::TraceOptions options;

  std::unique_ptr<TraceExporter> make() {
    return std::make_unique<TraceExporter>(options,
                                           TraceExporterDependencies{tracer, http, clock, random, log, metrics});
  }
  void add(int spans) {
    for (int i = 0; i < spans; ++i) tracer.begin(telemetry::SpanKind::server, "GET", "").end();
  }
  double exported() { return metrics.counter("purposepath_spans_exported_total", "").value(); }
  double dropped(const std::string& reason) {
    return metrics.counter("purposepath_spans_dropped_total", "", {{"reason", reason}}).value();
  }
  static std::size_t spans_in(const std::string& request) {
    const auto sent = base::parse_json(request.substr(request.find("\r\n\r\n") + 4));
    return sent.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans").as_array().size();
  }
};

TEST_F(TraceExporterTest, SendsABatchAsSoonAsThereIsOne) {
  Collector collector({answer("200 OK")});
  options.endpoint = collector.url();
  options.headers = base::Secret("X-Key=a%20key, Other = b");
  const auto exporter = make();
  exporter->start();
  add(static_cast<int>(telemetry::Tracer::kBatch));
  const auto request = collector.request(1);
  EXPECT_TRUE(request.starts_with("POST /v1/traces HTTP/1.1\r\n"));
  EXPECT_NE(request.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\nX-Key: a key\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\nOther: b\r\n"), std::string::npos);
  EXPECT_EQ(spans_in(request), telemetry::Tracer::kBatch);
}

TEST_F(TraceExporterTest, SendsWhatIsLeftWhenItEnds) {
  Collector collector({answer("200 OK")});
  options.endpoint = collector.url() + "/v1/traces";
  const auto exporter = make();
  exporter->start();
  add(3);
  exporter->stop(10s);
  EXPECT_EQ(collector.requests(), 1U);
  EXPECT_EQ(spans_in(collector.request(1)), 3U);
  EXPECT_EQ(exported(), 3);
}

TEST_F(TraceExporterTest, TriesAgainWhatPasses) {
  Collector collector(
      {answer("429 Too Many Requests", "", "Retry-After: 0\r\n"), answer("503 Service Unavailable"), answer("200 OK")});
  options.endpoint = collector.url();
  const auto exporter = make();
  exporter->start();
  add(static_cast<int>(telemetry::Tracer::kBatch));
  const auto third = collector.request(3);
  EXPECT_EQ(spans_in(third), telemetry::Tracer::kBatch);
  EXPECT_EQ(third, collector.request(1));
  exporter->stop(10s);
  EXPECT_EQ(exported(), telemetry::Tracer::kBatch);
  EXPECT_EQ(dropped("not_delivered"), 0);
}

TEST_F(TraceExporterTest, GivesUpWhatIsRefused) {
  Collector collector({answer("400 Bad Request"), answer("200 OK", R"({"partialSuccess":{"rejectedSpans":"2"}})")});
  options.endpoint = collector.url();
  const auto exporter = make();
  exporter->start();
  add(static_cast<int>(telemetry::Tracer::kBatch));
  collector.request(1);
  add(static_cast<int>(telemetry::Tracer::kBatch));
  collector.request(2);
  exporter->stop(10s);
  EXPECT_EQ(dropped("not_delivered"), telemetry::Tracer::kBatch);
  EXPECT_EQ(dropped("rejected"), 2);
  EXPECT_EQ(exported(), telemetry::Tracer::kBatch - 2);
}

TEST_F(TraceExporterTest, EndsInTimeWhenNobodyListens) {
  options.endpoint = "http://127.0.0.1:1";
  const auto exporter = make();
  exporter->start();
  add(static_cast<int>(telemetry::Tracer::kBatch));
  const auto begin = std::chrono::steady_clock::now();
  exporter->stop(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 9s);
  EXPECT_EQ(dropped("not_delivered"), telemetry::Tracer::kBatch);
}

TEST_F(TraceExporterTest, ItsOptionsAreCheckedWhenItIsMade) {
  options.endpoint = "ftp://collector";
  EXPECT_THROW(make(), base::Error);
  options.endpoint = "http://collector:4318";
  for (const auto* wrong : {"no-value", "=x", "a b=x", "a=%0d%0aX-Other: y"}) {
    options.headers = base::Secret(wrong);
    EXPECT_THROW(make(), base::Error) << wrong;
  }
}

}  // namespace
}  // namespace net
