#include "net/backoff.hpp"

#include <gtest/gtest.h>

namespace net {
namespace {

using base::Milliseconds;

base::Time at(std::string_view text) { return base::parse_time(text); }

TEST(Backoff, StaysWithinABoundThatDoublesUpToItsLongest) {
  base::FakeRandom random(7);
  const BackoffOptions options;
  for (int failures = 1; failures <= 40; ++failures) {
    const auto bound = failures <= 5 ? Milliseconds(500 << (failures - 1)) : Milliseconds(8'000);
    Milliseconds largest{0};
    for (int i = 0; i < 500; ++i) {
      const auto delay = backoff_delay(options, failures, {}, random);
      ASSERT_TRUE(delay);
      ASSERT_GE(delay->count(), 0);
      ASSERT_LE(*delay, bound);
      largest = std::max(largest, *delay);
    }
    EXPECT_GT(largest, bound * 9 / 10) << "the whole range is used after " << failures;
  }
}

TEST(Backoff, WaitsAtLeastAsLongAsTheServerAsked) {
  base::FakeRandom random;
  for (int i = 0; i < 100; ++i) EXPECT_GE(*backoff_delay({}, 1, Milliseconds(3'000), random), Milliseconds(3'000));
}

TEST(Backoff, GivesUpWhenTheServerAsksForTooMuch) {
  base::FakeRandom random;
  EXPECT_EQ(backoff_delay({}, 1, Milliseconds(120'001), random), std::nullopt);
}

TEST(RetryAfter, TakesSecondsMillisecondsAndDates) {
  const auto now = at("2026-11-22T10:00:00.000Z");
  EXPECT_EQ(parse_retry_after("7", "", now), Milliseconds(7'000));
  EXPECT_EQ(parse_retry_after("0.5", "", now), Milliseconds(500));
  EXPECT_EQ(parse_retry_after("7", "250", now), Milliseconds(250));
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 10:00:30 GMT", "", now), Milliseconds(30'000));
  EXPECT_EQ(parse_retry_after("Sunday, 22-Nov-26 10:00:30 GMT", "", now), Milliseconds(30'000));
  EXPECT_EQ(parse_retry_after("Sun Nov 22 10:00:30 2026", "", now), Milliseconds(30'000));
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 09:00:00 GMT", "", now), Milliseconds(0));
}

TEST(RetryAfter, IgnoresNonsense) {
  const auto now = at("2026-11-22T10:00:00.000Z");
  for (const auto* text : {"", "soon", "-3", "1e999", "nan", "inf", "7 seconds", "Sun, 22 Nov", "0x10"}) {
    EXPECT_EQ(parse_retry_after(text, "", now), std::nullopt) << text;
    EXPECT_EQ(parse_retry_after("", text, now), std::nullopt) << text;
  }
  EXPECT_EQ(parse_retry_after("2", "soon", now), Milliseconds(2'000));
}

}  // namespace
}  // namespace net
