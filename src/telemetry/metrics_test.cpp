#include "telemetry/metrics.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "base/error.hpp"
#include "telemetry/process.hpp"

namespace telemetry {
namespace {

testing::AssertionResult holds(const std::string& text, std::string_view part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no\n" << part << "\nin\n" << text;
}

TEST(Metrics, ShowHelpTypeAndEverySeries) {
  Registry registry;
  registry.counter("requests_total", "Requests.", {{"route", "/a"}}).add();
  registry.counter("requests_total", "Requests.", {{"route", "/b"}}).add(2);
  registry.gauge("open", "Open things.").set(-1.5);
  const auto text = registry.prometheus_text();
  EXPECT_TRUE(holds(text,
                    "# HELP open Open things.\n# TYPE open gauge\nopen -1.5\n"
                    "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                    "requests_total{route=\"/a\"} 1\nrequests_total{route=\"/b\"} 2\n"));
}

TEST(Metrics, GiveTheSameMetricForTheSameLabels) {
  Registry registry;
  EXPECT_EQ(&registry.counter("a", "", {{"x", "1"}}), &registry.counter("a", "", {{"x", "1"}}));
  EXPECT_NE(&registry.counter("a", "", {{"x", "1"}}), &registry.counter("a", "", {{"x", "2"}}));
}

TEST(Metrics, RefuseANameOfAnotherKindAndNamesThatAreNone) {
  Registry registry;
  registry.counter("a", "");
  EXPECT_THROW(registry.gauge("a", ""), base::Error);
  EXPECT_THROW(registry.gauge("1 b", ""), base::Error);
  EXPECT_THROW(registry.gauge("c", "", {{"no-good", "1"}}), base::Error);
}

TEST(Metrics, EscapeHelpAndLabels) {
  Registry registry;
  registry.counter("a", "one\\two\n\"three\"", {{"x", "q\"b\\l\n"}});
  const auto text = registry.prometheus_text();
  EXPECT_TRUE(holds(text, "# HELP a one\\\\two\\n\"three\"\n"));
  EXPECT_TRUE(holds(text, "a{x=\"q\\\"b\\\\l\\n\"} 0\n"));
}

TEST(Metrics, CumulateTheBucketsOfAHistogram) {
  Registry registry;
  auto& histogram = registry.histogram("took_seconds", "Time.", {{"route", "/a"}}, {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 3.0}) histogram.observe(value);
  EXPECT_TRUE(holds(registry.prometheus_text(),
                    "took_seconds_bucket{route=\"/a\",le=\"0.1\"} 2\n"
                    "took_seconds_bucket{route=\"/a\",le=\"1\"} 3\n"
                    "took_seconds_bucket{route=\"/a\",le=\"+Inf\"} 4\n"
                    "took_seconds_sum{route=\"/a\"} 3.65\ntook_seconds_count{route=\"/a\"} 4\n"));
}

TEST(Metrics, LoseNothingBetweenThreads) {
  Registry registry;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&registry] {
        for (int i = 0; i < 1000; ++i) {
          registry.counter("a_total", "").add();
          registry.histogram("b", "").observe(1);
        }
      });
    }
  }
  EXPECT_TRUE(holds(registry.prometheus_text(), "\na_total 4000\n"));
  EXPECT_TRUE(holds(registry.prometheus_text(), "\nb_count 4000\n"));
}

TEST(Metrics, KnowTheProcess) {
  const auto status = read_process_status();
  EXPECT_GT(status.resident_bytes, 1 << 20);
  EXPECT_GT(status.open_descriptors, 2);
  EXPECT_GT(status.start_time_s, 1.6e9);
  EXPECT_TRUE(holds(Registry().prometheus_text(), "purposepath_build_info{version=\"" PURPOSEPATH_VERSION "\"} 1\n"));
}

}  // namespace
}  // namespace telemetry
