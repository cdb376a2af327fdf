#include "telemetry/trace.hpp"

#include <gtest/gtest.h>

namespace telemetry {
namespace {

constexpr std::string_view kTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kSpanId = "00f067aa0ba902b7";
const std::string kWhole = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, IsReadAndWritten) {
  const auto context = parse_traceparent(kWhole);
  ASSERT_TRUE(context);
  EXPECT_EQ(to_hex(context->trace_id), kTraceId);
  EXPECT_EQ(to_hex(context->span_id), kSpanId);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(format_traceparent(*context), kWhole);
}

TEST(Traceparent, ItsFlagsSayWhetherTheTraceIsRecorded) {
  const auto with_flags = [](const std::string& flags) {
    return parse_traceparent(kWhole.substr(0, 53) + flags).value().sampled;
  };
  EXPECT_FALSE(with_flags("00"));
  EXPECT_FALSE(with_flags("02"));
  EXPECT_TRUE(with_flags("03"));
  EXPECT_TRUE(with_flags("ff"));
}

TEST(Traceparent, MalformedIsAbsent) {
  const std::string ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
  for (const auto& text : std::vector<std::string>{
           std::string(),
           std::string("00"),
           "ff-" + ids + "-01",                                            // no version
           "0-" + ids + "-01",                                             // too short
           "00-" + ids + "-1",                                             // too short
           "00-" + ids + "-01-what",                                       // longer than its version
           "00-" + ids + "-01-",                                           // the same
           "00-" + ids + "_01",                                            // another separator
           "0X-" + ids + "-01",                                            // no digit
           "00-" + ids + "-0x",                                            // no digit
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",      // upper case
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",      // upper case
           std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),  // no trace
           std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),  // no span
           " " + kWhole,
       }) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
}

TEST(Traceparent, AVersionToComeIsReadByItsBeginning) {
  const auto later = "cc" + kWhole.substr(2);
  EXPECT_EQ(parse_traceparent(later), parse_traceparent(kWhole));
  EXPECT_EQ(parse_traceparent(later + "-what-the-future-brings"), parse_traceparent(kWhole));
  EXPECT_FALSE(parse_traceparent(later + ".what-the-future-brings"));
}

TEST(Trace, TellsNothingWhenNothingIsRecorded) {
  const Trace trace{nullptr, parse_traceparent(kWhole).value()};
  EXPECT_FALSE(trace);
  EXPECT_EQ(trace.traceparent(), "");
  EXPECT_EQ(trace.trace_id(), "");
}

}  // namespace
}  // namespace telemetry
