#include "http/system.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "http/router.hpp"

namespace http {
namespace {

constexpr std::string_view kContract = R"({"openapi":"3.1.0"})";

Dependency answering(std::string name, DependencyState state, bool required = true) {
  return {std::move(name), [state]() -> base::Task<DependencyHealth> { co_return DependencyHealth{state, "why"}; },
          required};
}

Dependency silent(std::string name) {
  return {std::move(name), []() -> base::Task<DependencyHealth> {
            boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, std::chrono::hours(1));
            co_await timer.async_wait(boost::asio::use_awaitable);
            co_return DependencyHealth();
          }};
}

struct Fixture {
  explicit Fixture(std::vector<Dependency> dependencies, base::Milliseconds patience = base::Milliseconds(2'000))
      : system({.stage = "test", .openapi_json = [] { return std::string(kContract); }, .patience = patience},
               std::move(dependencies), metrics) {
    for (auto& route : system.routes()) router.add(route.method, route.pattern, route.handler);
  }

  Response get(std::string target, std::string tag = "") {
    Request request;
    request.method = "GET";
    request.target = std::move(target);
    if (!tag.empty()) request.headers = {{"if-none-match", std::move(tag)}};
    parse_target(request);
    Response response;
    boost::asio::io_context context;
    boost::asio::co_spawn(context, router.match(request).target(request), [&](std::exception_ptr failed, Response got) {
      response = std::move(got);
      context.stop();
      if (failed) std::rethrow_exception(failed);
    });
    context.run();
    return response;
  }
  base::json::value get_json(std::string target) { return base::json::parse(get(std::move(target)).body); }

  telemetry::Registry metrics;
  System system;
  Router<System::Handler> router;
};

TEST(System, SaysWhatItIs) {
  Fixture fixture({});
  EXPECT_EQ(fixture.get_json("/").at("name").as_string(), "PurposePath");
  for (const auto* path : {"/health", "/api/v1/health", "/api/v1/health/"}) {
    const auto value = fixture.get_json(path);
    EXPECT_EQ(value.at("status").as_string(), "healthy");
    EXPECT_EQ(value.at("version").as_string(), PURPOSEPATH_VERSION);
    EXPECT_EQ(value.at("stage").as_string(), "test");
    EXPECT_GE(value.at("uptime_s").as_int64(), 0);
  }
}

TEST(System, IsReadyWhenItsDependenciesAre) {
  Fixture fixture({answering("store", DependencyState::healthy),
                   answering("llm", DependencyState::degraded),
                   {"business_api", {}}});
  const auto response = fixture.get("/api/v1/health/ready");
  EXPECT_EQ(response.status, 200);
  const auto value = base::json::parse(response.body);
  EXPECT_EQ(value.at("status").as_string(), "degraded");
  EXPECT_EQ(value.at_pointer("/dependencies/store/status").as_string(), "healthy");
  EXPECT_GE(value.at_pointer("/dependencies/store/latency_ms").to_number<double>(), 0);
  EXPECT_EQ(value.at_pointer("/dependencies/llm/reason").as_string(), "why");
  EXPECT_EQ(value.at_pointer("/dependencies/business_api/status").as_string(), "not_configured");
}

TEST(System, IsNotReadyWithoutWhatItRequires) {
  EXPECT_EQ(Fixture({answering("store", DependencyState::unhealthy)}).get("/api/v1/health/ready").status, 503);
  EXPECT_EQ(Fixture({answering("business_api", DependencyState::unhealthy, false)}).get("/api/v1/health/ready").status,
            200);
}

TEST(System, WaitsForNoCheckLongerThanItsPatience) {
  Fixture fixture({silent("store"), answering("llm", DependencyState::healthy)}, base::Milliseconds(20));
  const auto response = fixture.get("/api/v1/health/ready");
  EXPECT_EQ(response.status, 503);
  const auto value = base::json::parse(response.body);
  EXPECT_EQ(value.at_pointer("/dependencies/store/status").as_string(), "unhealthy");
  EXPECT_EQ(value.at_pointer("/dependencies/store/latency_ms").to_number<double>(), 20);
  EXPECT_EQ(value.at_pointer("/dependencies/llm/status").as_string(), "healthy");
}

TEST(System, SurvivesACheckThatThrows) {
  Fixture fixture({{"store", []() -> base::Task<DependencyHealth> {
                      throw std::runtime_error("secret");
                      co_return DependencyHealth();
                    }}});
  const auto response = fixture.get("/api/v1/health/ready");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

TEST(System, AsksItsDependenciesAtMostOnceASecond) {
  int asked = 0;
  Fixture fixture({{"store", [&]() -> base::Task<DependencyHealth> {
                      ++asked;
                      co_return DependencyHealth();
                    }}});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(fixture.get("/api/v1/health/ready").status, 200);
  EXPECT_EQ(asked, 1);
}

TEST(System, ServesTheContractWithAnEntityTag) {
  Fixture fixture({});
  const auto first = fixture.get("/openapi.json");
  EXPECT_EQ(first.body, kContract);
  EXPECT_EQ(first.headers.at(0).first, "ETag");
  const auto again = fixture.get("/openapi.json", first.headers.at(0).second);
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(fixture.get("/openapi.json", "\"other\"").status, 200);
}

TEST(System, ServesTheDocumentation) {
  Fixture fixture({});
  EXPECT_EQ(fixture.get("/docs").status, 308);
  const auto page = fixture.get("/docs/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(page.body, base::embedded("docs/index.html"));
  EXPECT_EQ(fixture.get("/docs/index.html").body, page.body);
  EXPECT_THROW(fixture.get("/docs/../topics/goals/topic.json"), base::Error);
  EXPECT_THROW(fixture.get("/docs/nothing.js"), base::Error);
}

TEST(System, ShowsItsMetrics) {
  Fixture fixture({});
  fixture.metrics.counter("a_total", "A.").add();
  const auto response = fixture.get("/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(response.body.find("a_total 1\n"), std::string::npos);
}

}  // namespace
}  // namespace http
