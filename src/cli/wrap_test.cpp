#include "cli/wrap.hpp"

#include <gtest/gtest.h>

namespace cli {
namespace {

TEST(WordWrap, BreaksAtSpaces) { EXPECT_EQ(wrap("one two three four", 10), "one two\nthree four"); }

TEST(WordWrap, IndentsFollowingLines) { EXPECT_EQ(wrap("one two three", 12, 4), "one two\n    three"); }

TEST(WordWrap, KeepsEndsOfLineAndSpacesWithinALine) { EXPECT_EQ(wrap("a  b\n\nc", 20), "a  b\n\nc"); }

TEST(WordWrap, CutsAWordLongerThanALine) { EXPECT_EQ(wrap("abcdefghijklmno", 10), "abcdefghij\nklmno"); }

TEST(WordWrap, CountsCharactersNotBytes) {
  EXPECT_EQ(wrap("äöüäö üäöü", 10), "äöüäö üäöü");
  EXPECT_EQ(wrap("价值观价值 观", 10), "价值观价值\n观");
  EXPECT_EQ(columns("e\u0301🙂"), 3u);
}

TEST(WordWrap, GivesTheSameTextHoweverItIsCut) {
  const std::string text =
      "What gives you — hand on heart — the deepest satisfaction?\nTell me about one moment. 🙂 It can be small.";
  const auto whole = wrap(text, 24, 2);
  for (std::size_t size = 1; size < 9; ++size) {
    WordWrap words(24, 2);
    std::string pieces;
    for (std::size_t at = 0; at < text.size(); at += size) pieces += words.feed(text.substr(at, size));
    EXPECT_EQ(pieces + words.finish(), whole) << size;
  }
}

TEST(WordWrap, PrintsAWordOnceItIsComplete) {
  WordWrap words(40);
  EXPECT_EQ(words.feed("Hel"), "");
  EXPECT_EQ(words.feed("lo wor"), "Hello");
  EXPECT_EQ(words.feed("ld "), " world");
  EXPECT_EQ(words.finish(), "");
}

TEST(WordWrap, LetsNoControlSequenceThrough) { EXPECT_EQ(wrap("a\x1b[2Jb\x07\x7f", 40), "a[2Jb"); }

}  // namespace
}  // namespace cli
