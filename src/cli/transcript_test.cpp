#include "cli/transcript.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/json.hpp"

namespace cli {
namespace {

TEST(Transcript, TakesALineAMessageAndLeavesNotesOut) {
  const auto transcript =
      parse_transcript("# A note. Topic: core_values\nHello.\n\n  Second, with spaces \r\n# end", "t");
  EXPECT_EQ(transcript.topic, "core_values");
  EXPECT_EQ(transcript.messages, (std::vector<std::string>{"Hello.", "Second, with spaces"}));
}

TEST(Transcript, NamesNoTopicWhenNoNoteDoes) { EXPECT_EQ(parse_transcript("Topic: goals", "t").topic, ""); }

TEST(Transcript, RefusesAFileWithoutAMessage) { EXPECT_THROW(parse_transcript("# only notes\n", "t"), base::Error); }

TEST(Transcript, NamesTheLineThatIsNotUtf8) {
  try {
    parse_transcript("fine\n\xff\n", "t.txt");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.message, "t.txt:2: is not UTF-8");
  }
}

TEST(Transcript, SaysThatAScriptIsMissing) { EXPECT_THROW(read_transcript("/nowhere/at/all.txt"), base::Error); }

}  // namespace
}  // namespace cli
