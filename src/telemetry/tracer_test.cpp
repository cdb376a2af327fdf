#include "telemetry/tracer.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "base/json.hpp"
#include "telemetry/otlp.hpp"

namespace telemetry {
namespace {

using base::json::value;

const std::string kCaller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0";

struct TracerTest : testing::Test {
  base::FakeClock clock;
  base::FakeRandom random;
  Registry metrics;
  Tracer tracer{1, clock, random, metrics};

  SpanRecord only() {
    auto spans = tracer.take(10);
    EXPECT_EQ(spans.size(), 1U);
    return spans.empty() ? SpanRecord{} : std::move(spans.front());
  }
  double dropped(const std::string& reason) {
    return metrics.counter("purposepath_spans_dropped_total", "", {{"reason", reason}}).value();
  }
};

TEST_F(TracerTest, ATraceBeginsHereOrGoesOn) {
  tracer.begin(SpanKind::server, "GET", "").end();
  const auto first = only();
  EXPECT_NE(first.context.trace_id, TraceId{});
  EXPECT_NE(first.context.span_id, SpanId{});
  EXPECT_EQ(first.parent_id, SpanId{});
  tracer.begin(SpanKind::server, "GET", kCaller + "1").end();
  const auto second = only();
  EXPECT_EQ(to_hex(second.context.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(to_hex(second.parent_id), "00f067aa0ba902b7");
  EXPECT_NE(second.context.span_id, second.parent_id);
  tracer.begin(SpanKind::server, "GET", "nonsense").end();
  EXPECT_NE(only().context.trace_id, second.context.trace_id);
}

TEST_F(TracerTest, SpansAreInsideTheirParents) {
  auto outer = tracer.begin(SpanKind::server, "POST", "");
  Span inner(outer.trace(), SpanKind::client, "chat", "gpt-6-luna");
  EXPECT_EQ(inner.trace().trace_id(), outer.trace().trace_id());
  EXPECT_EQ(parse_traceparent(inner.trace().traceparent()), inner.trace().context);
  inner.end();
  outer.end();
  const auto spans = tracer.take(10);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].name, "chat gpt-6-luna");
  EXPECT_EQ(spans[0].parent_id, spans[1].context.span_id);
  EXPECT_EQ(spans[0].context.trace_id, spans[1].context.trace_id);
  EXPECT_GE(spans[0].begin_ns, spans[1].begin_ns);
  EXPECT_LE(spans[0].end_ns, spans[1].end_ns);
}

TEST_F(TracerTest, TheCallersDecisionCountsBeforeTheRatio) {
  Tracer none(0, clock, random, metrics);
  EXPECT_FALSE(none.begin(SpanKind::server, "GET", ""));
  EXPECT_FALSE(none.begin(SpanKind::server, "GET", kCaller + "0"));
  EXPECT_TRUE(none.begin(SpanKind::server, "GET", kCaller + "1"));
  EXPECT_FALSE(tracer.begin(SpanKind::server, "GET", kCaller + "0"));
}

TEST_F(TracerTest, TheRatioIsThatOfTheTraces) {
  Tracer some(0.25, clock, random, metrics);
  int recorded = 0;
  for (int i = 0; i < 4'000; ++i) recorded += some.begin(SpanKind::server, "GET", "") ? 1 : 0;
  EXPECT_NEAR(recorded, 1'000, 150);
}

TEST_F(TracerTest, WhatIsNotRecordedIsEmpty) {
  Span span(Trace{}, SpanKind::client, "chat", "gpt-6-luna");
  span.set(SpanKey::tries, 2);
  span.fail("llm_timeout");
  EXPECT_FALSE(span);
  EXPECT_FALSE(span.trace());
  span.end();
  EXPECT_EQ(tracer.kept(), 0U);
}

TEST_F(TracerTest, ASpanThatNobodyEndedWasCancelled) {
  {
    const auto span = tracer.begin(SpanKind::server, "GET", "");
  }
  const auto span = only();
  EXPECT_TRUE(span.failed);
  ASSERT_EQ(span.attributes.size(), 1U);
  EXPECT_EQ(span.attributes[0].second, SpanValue("cancelled"));
}

TEST_F(TracerTest, AnAttributeHasOneValueOfBoundedLength) {
  auto span = tracer.begin(SpanKind::server, "GET", "");
  span.set(SpanKey::tries, 1);
  span.set(SpanKey::tries, 2);
  span.set(SpanKey::reason, std::string(1'000, 'x'));
  span.end();
  const auto record = only();
  ASSERT_EQ(record.attributes.size(), 2U);
  EXPECT_EQ(record.attributes[0].second, SpanValue(std::int64_t{2}));
  EXPECT_EQ(std::get<std::string>(record.attributes[1].second).size(), 256U);
}

TEST_F(TracerTest, ALinkedTraceIsOneOfItsOwnAndRecordedAsItsCauseIs) {
  tracer.begin_linked(SpanKind::internal, "job", "summary", kCaller + "1").end();
  const auto span = only();
  EXPECT_EQ(span.name, "job summary");
  EXPECT_EQ(span.parent_id, SpanId{});
  ASSERT_TRUE(span.link);
  EXPECT_EQ(format_traceparent(*span.link), kCaller + "1");
  EXPECT_NE(span.context.trace_id, span.link->trace_id);
  EXPECT_FALSE(tracer.begin_linked(SpanKind::internal, "job", "summary", kCaller + "0"));
  Tracer none(0, clock, random, metrics);
  EXPECT_TRUE(none.begin_linked(SpanKind::internal, "job", "summary", kCaller + "1"));
  EXPECT_FALSE(none.begin_linked(SpanKind::internal, "job", "summary", ""));
}

TEST_F(TracerTest, TimesAreUnixTimesAndFollowTheClockWhenItIsSet) {
  const auto unix_ns = [&] { return std::chrono::nanoseconds(clock.now().time_since_epoch()).count(); };
  constexpr std::int64_t kSecond = 1'000'000'000;
  tracer.begin(SpanKind::server, "GET", "").end();
  EXPECT_NEAR(static_cast<double>(only().end_ns - unix_ns()), 0.0, kSecond);
  clock.advance(std::chrono::hours(5));
  auto span = tracer.begin(SpanKind::server, "GET", "", Span::Steady::now() - std::chrono::seconds(30));
  span.end();
  const auto record = only();
  EXPECT_NEAR(static_cast<double>(record.end_ns - unix_ns()), 0.0, kSecond);
  EXPECT_GE(record.end_ns - record.begin_ns, 30 * kSecond);
}

TEST_F(TracerTest, KeepsABoundedNumberAndCountsTheRest) {
  const auto parent = tracer.begin(SpanKind::server, "GET", "");
  for (std::size_t i = 0; i < Tracer::kMostKept + 3; ++i) Span(parent.trace(), SpanKind::client, "try").end();
  EXPECT_EQ(tracer.kept(), Tracer::kMostKept);
  EXPECT_EQ(dropped("queue_full"), 3);
  EXPECT_EQ(tracer.take(Tracer::kBatch).size(), Tracer::kBatch);
  EXPECT_EQ(tracer.kept(), Tracer::kMostKept - Tracer::kBatch);
}

TEST_F(TracerTest, TakesSpansFromAllThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) tracer.begin(SpanKind::server, "GET", "").end();
    });
  }
  std::size_t taken = 0;
  while (taken < 2'000) taken += tracer.take(100).size();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, 2'000U);
}

TEST_F(TracerTest, BecomesOtlp) {
  auto outer = tracer.begin(SpanKind::server, "POST", kCaller + "1");
  Span inner(outer.trace(), SpanKind::client, "try", "gpt-6-luna");
  inner.set(SpanKey::gen_ai_request_model, "gpt-6-luna");
  inner.set(SpanKey::waited_ms, 250);
  inner.set(SpanKey::cost_usd, 0.5);
  inner.set(SpanKey::client_gone, true);
  inner.fail("llm_timeout");
  inner.end();
  outer.end();
  const auto spans = tracer.take(10);
  const auto sent = base::parse_json(otlp_json(spans, "coach"));
  const auto& resource = sent.at("resourceSpans").at(0);
  EXPECT_EQ(resource.at("resource").at("attributes").at(0),
            (value{{"key", "service.name"}, {"value", {{"stringValue", "coach"}}}}));
  const auto& list = resource.at("scopeSpans").at(0).at("spans").as_array();
  ASSERT_EQ(list.size(), 2U);
  const auto& span = list[0].as_object();
  EXPECT_EQ(span.at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span.at("spanId").as_string().size(), 16U);
  EXPECT_EQ(span.at("parentSpanId"), list[1].at("spanId"));
  EXPECT_EQ(list[1].at("parentSpanId"), "00f067aa0ba902b7");
  EXPECT_EQ(span.at("name"), "try gpt-6-luna");
  EXPECT_EQ(span.at("kind"), 3);
  EXPECT_EQ(span.at("startTimeUnixNano"), value(std::to_string(spans[0].begin_ns)));
  EXPECT_EQ(span.at("endTimeUnixNano"), value(std::to_string(spans[0].end_ns)));
  EXPECT_EQ(span.at("status"), (value{{"code", 2}}));
  EXPECT_EQ(span.at("attributes"), (value{{{"key", "gen_ai.request.model"}, {"value", {{"stringValue", "gpt-6-luna"}}}},
                                          {{"key", "purposepath.waited_ms"}, {"value", {{"intValue", "250"}}}},
                                          {{"key", "purposepath.cost_usd"}, {"value", {{"doubleValue", 0.5}}}},
                                          {{"key", "purposepath.client_gone"}, {"value", {{"boolValue", true}}}},
                                          {{"key", "error.type"}, {"value", {{"stringValue", "llm_timeout"}}}}}));
  EXPECT_FALSE(list[1].as_object().contains("status"));
}

}  // namespace
}  // namespace telemetry
