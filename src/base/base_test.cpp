#include <gtest/gtest.h>

#include <boost/describe.hpp>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/json.hpp"
#include "base/json_members.hpp"
#include "base/text.hpp"

namespace base {
namespace {

using namespace std::chrono_literals;

TEST(Clock, FormatsAndParsesTheSameInstant) {
  const Time time(1'795'353'255'007ms);
  EXPECT_EQ(format_time(time), "2026-11-22T13:14:15.007Z");
  EXPECT_EQ(parse_time("2026-11-22T13:14:15.007Z"), time);
  EXPECT_EQ(parse_time("2026-11-22T14:14:15.007+01:00"), time);
  EXPECT_THROW(parse_time("2026-11-31T13:14:15Z"), Error);
  EXPECT_THROW(parse_time("yesterday"), Error);
}

TEST(Ids, SortInTheOrderTheyWereMadeEvenWithinAMillisecond) {
  FakeClock clock;
  FakeRandom random;
  Ids ids(clock, random);
  std::string last;
  for (int i = 0; i < 3000; ++i) {
    if (i % 1000 == 999) clock.advance(1ms);
    if (i == 1500) clock.advance(-5ms);  // a clock set back must not break the order
    const auto id = ids.next("conv");
    EXPECT_TRUE(is_id(id, "conv")) << id;
    EXPECT_LT(last, id);
    last = id;
  }
  EXPECT_FALSE(is_id("conv_0", "conv"));
  EXPECT_FALSE(is_id("msg_01JD3W00000000000000000000", "conv"));
  EXPECT_FALSE(is_id("conv_01JD3W0000000000000000000u", "conv"));
}

TEST(Text, AcceptsExactlyWellFormedUtf8) {
  EXPECT_TRUE(is_utf8("gr\u00fc\u00df dich \U0001F44B \u05e9\u05dc\u05d5\u05dd"));
  for (const auto* bad : {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "a\xFF"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
  EXPECT_EQ(count_characters("\U0001F44B\u00fc!"), 3u);
}

TEST(Text, TrimsUnicodeWhiteSpaceToo) {
  EXPECT_EQ(trim(" \t\u00a0\u2003 hi there\u3000\n"), "hi there");
  EXPECT_EQ(trim(" \u200b "), "");
  EXPECT_EQ(trim("\u00fc"), "\u00fc");
}

TEST(Text, NeverCutsACharacterInHalf) {
  EXPECT_EQ(prefix_bytes("a\u00fcb", 2), "a");
  EXPECT_EQ(prefix_bytes("a\u00fcb", 3), "a\u00fc");
}

TEST(Text, SuggestsTheNearestName) {
  const std::vector<std::string> known{"http.port", "http.host", "llm.model"};
  EXPECT_EQ(nearest("http.prot", known), "http.port");
  EXPECT_EQ(nearest("completely.else", known), "");
}

TEST(JsonMembers, DifferWhenANameStandsTwiceInOneObject) {
  const auto lost = [](std::string_view text) { return members_written(text) - members_kept(parse_json(text)); };
  EXPECT_EQ(lost(R"({"a": "\"b\": 1", "c": [{"a": 1}, {"a": {"d:": ":"}}], "e\\": {}})"), 0u);
  EXPECT_EQ(lost("[1, null]"), 0u);
  EXPECT_EQ(lost(R"({"a": 1, "a": 1})"), 1u);
  EXPECT_EQ(lost(R"([{"b": {"a": 1, "\u0061": {"c": 2}}}])"), 1u) << "one name, however it is written";
}

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)
struct Inner {
  int count = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (count))
struct Outer {
  std::string name;
  std::optional<int> size;
  std::vector<Inner> parts;
  Colour colour = Colour::red;
  PrivateText said;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (name, size, parts, colour, said))

TEST(Json, ReadsLenientlyAndWritesEveryMember) {
  const auto outer = from_json<Outer>(
      parse_json(R"({"name":"n","extra":1,"parts":[{"count":2},{}],"colour":"green","said":"hello"})"));
  EXPECT_EQ(outer.name, "n");
  EXPECT_FALSE(outer.size);
  ASSERT_EQ(outer.parts.size(), 2u);
  EXPECT_EQ(outer.parts[0].count, 2);
  std::string direct;
  append_json(direct, outer);
  EXPECT_EQ(direct, write_json(to_json(outer)));
  EXPECT_EQ(json::serialize(to_json(outer)),
            R"({"name":"n","size":null,"parts":[{"count":2},{"count":0}],"colour":"green","said":"hello"})");
}

TEST(Json, NamesThePathOfAFault) {
  try {
    from_json<Outer>(parse_json(R"({"parts":[{"count":"two"}]})"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::validation_error);
    EXPECT_EQ(error.message, "parts[0].count must be a whole number");
  }
}

TEST(Json, WritesWhatItReadsWithNumbersAsPeopleWriteThem) {
  for (
      const std::string text :
      {R"({"a":0.1,"b":[1,-2,18446744073709551615,1.5e+300],"c":"q\"\\\n\u0001ü","d":{},"e":[],"f":null,"g":true,"h":2.5e-07})"}) {
    EXPECT_EQ(write_json(parse_json(text)), text);
  }
}

TEST(Json, RefusesWhatIsNotJsonWithoutRepeatingIt) {
  for (const auto* bad : {"", "{", "{\"a\":1}x", "nul", "\"\xFF\"", "[1,]"}) {
    try {
      parse_json(bad);
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code, Code::bad_request);
    }
  }
  EXPECT_THROW(parse_json(std::string(100, '[') + std::string(100, ']')), Error);
}

}  // namespace
}  // namespace base
