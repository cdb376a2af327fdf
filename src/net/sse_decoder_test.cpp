#include "net/sse_decoder.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.hpp"

namespace net {
namespace {

using Events = std::vector<SseEvent>;

void take(SseDecoder& decoder, std::string_view bytes, Events& events) {
  decoder.feed(bytes);
  while (const auto* event = decoder.next()) events.push_back(*event);
}

Events decode(std::string_view stream) {
  SseDecoder decoder;
  Events events;
  take(decoder, stream, events);
  return events;
}

SseEvent message(std::string data, std::string id = "") {
  return {.type = "message", .data = std::move(data), .id = std::move(id)};
}

TEST(SseDecoder, TakesTheExamplesOfTheStandard) {
  EXPECT_EQ(decode("data: YHOO\ndata: +2\ndata: 10\n\n"), Events{message("YHOO\n+2\n10")});
  EXPECT_EQ(decode(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"),
            (Events{message("first event", "1"), message("second event"), message(" third event")}));
  EXPECT_EQ(decode("data\n\ndata\ndata\n\ndata:"), (Events{message(""), message("\n")}));
  EXPECT_EQ(decode("data:test\n\ndata: test\n\n"), (Events{message("test"), message("test")}));
}

TEST(SseDecoder, TakesAllThreeLineEnds) {
  EXPECT_EQ(decode("data: a\r\rdata: b\r\n\r\ndata: c\n\n"), (Events{message("a"), message("b"), message("c")}));
}

TEST(SseDecoder, DropsOneByteOrderMarkAtTheBeginningOnly) {
  EXPECT_EQ(decode("\xEF\xBB\xBF"
                   "data: a\n\n\xEF\xBB\xBF"
                   "data: b\n\n"),
            Events{message("a")});
}

TEST(SseDecoder, KeepsTheLastIdAndForgetsTheType) {
  const auto events = decode("event: delta\nid: 7\ndata: x\n\ndata: y\n\n");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].type, "delta");
  EXPECT_EQ(events[1], message("y", "7"));
}

TEST(SseDecoder, IgnoresAnIdWithANulAndARetryThatIsNoNumber) {
  using std::string_view_literals::operator""sv;
  const auto events = decode("id: a\0b\nretry: 12x\nretry: -1\ndata: x\n\nretry: 1500\ndata: y\n\n"sv);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0], message("x"));
  EXPECT_EQ(events[1].retry, std::chrono::milliseconds(1500));
}

TEST(SseDecoder, MakesNoEventOfATypeWithoutDataNorOfAnUnfinishedOne) {
  EXPECT_TRUE(decode("event: ping\n\nid: 3\n\ndata: cut off\n").empty());
}

// Each corpus cut at every pair of places, and byte by byte, gives what it gives in one piece.
TEST(SseDecoder, GivesTheSameEventsHoweverTheBytesAreSplit) {
  const std::vector<std::string> corpus{
      "\xEF\xBB\xBF"
      ": hi\r\n\r\nevent: a\r\ndata: {\"x\":1}\r\nid: 9\r\n\r\nretry: 5\rdata\rdata: \xC3\xA9\r\r:\n\ndata:z\n\n",
      "data: one\n\ndata: two\ndata: 2\n\nfoo: bar\ndata: [DONE]\n\n",
      "\r\n\r\n\ndata:\r\n\r\n\r\rdata: \r\r",
  };
  for (const auto& stream : corpus) {
    const auto whole = decode(stream);
    ASSERT_FALSE(whole.empty());
    for (std::size_t i = 0; i <= stream.size(); ++i) {
      for (std::size_t j = i; j <= stream.size(); ++j) {
        SseDecoder decoder;
        Events events;
        const std::string_view bytes = stream;
        take(decoder, bytes.substr(0, i), events);
        take(decoder, bytes.substr(i, j - i), events);
        take(decoder, bytes.substr(j), events);
        ASSERT_EQ(events, whole) << "cut at " << i << " and " << j;
      }
    }
    SseDecoder decoder;
    Events events;
    for (const char c : stream) take(decoder, std::string_view(&c, 1), events);
    EXPECT_EQ(events, whole);
  }
}

TEST(SseDecoder, RefusesAnEventPastItsBound) {
  const auto fails = [](std::string_view piece) {
    SseDecoder decoder(1000);
    try {
      for (int i = 0; i < 100; ++i) {
        decoder.feed(piece);
        while (decoder.next() != nullptr) {
        }
      }
    } catch (const base::Error& error) {
      return error.code == base::Code::dependency_unavailable;
    }
    return false;
  };
  EXPECT_TRUE(fails("data: a line that never ends "));
  EXPECT_TRUE(fails("data: an event that never ends\n"));
  EXPECT_FALSE(fails("data: small\n\n"));
  EXPECT_FALSE(fails(": only comments\n"));
}

}  // namespace
}  // namespace net
