#include "llm/offline_text.hpp"

#include <gtest/gtest.h>

namespace llm::offline {
namespace {

std::vector<std::string> sentences(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& sentence : split_sentences(text)) out.emplace_back(sentence.text);
  return out;
}

TEST(OfflineText, SentencesEndWhereTheyEnd) {
  EXPECT_EQ(sentences("It is at 3.6 of 5. Dr. Who came!  \"No?\" Then"),
            (std::vector<std::string>{"It is at 3.6 of 5.", "Dr. Who came!", "\"No?\"", "Then"}));
  EXPECT_TRUE(sentences(" ... \n !").empty());
}

TEST(OfflineText, TurnsToTheSecondPerson) {
  const auto same = [](std::string_view said, std::string_view wanted) { EXPECT_EQ(to_second_person(said), wanted); };
  same("I was late and my bike was broken", "You were late and your bike was broken");
  same("We baked through the night and gave our bread away", "You baked through the night and gave your bread away");
  same("I slept badly and was tired", "You slept badly and were tired");
  same("The shop was closed and I wasn't sure", "The shop was closed and you weren't sure");
  same("My team would say I am stubborn", "Your team would say you are stubborn");
  same("when I start to explain to myself", "when you start to explain to yourself");
  same("I\u2019m sure it\u2019s mine", "You're sure it\u2019s yours");
  same("It makes me furious", "It makes you furious");
  same("I said \"I love my dog\" to us", "You said \"I love my dog\" to you");
  same("What was I to do", "What were you to do");
}

TEST(OfflineText, TheCoreDropsWhatOnlyLeadsIn) {
  EXPECT_EQ(core_of("Yes, so I think we should go."), "we should go");
  EXPECT_EQ(core_of("Sometimes I run."), "Sometimes I run");
}

TEST(OfflineText, ShortensAtTheEndOfAClause) {
  EXPECT_EQ(shorten("one two three four five six, seven eight nine ten", 8), "one two three four five six");
  EXPECT_EQ(shorten("one two three", 8), "one two three");
  EXPECT_EQ(shorten("a b c d e f g h i j", 4), "a b c d\u2026");
  EXPECT_EQ(shorten("a b c d, e f g h i j", 4), "a b c d\u2026") << "no comma before the cut";
  EXPECT_EQ(shorten("a b c \u2013 d: e f g h i j", 3), "a b c\u2026");
  EXPECT_EQ(shorten("one two three four five, because six seven eight", 7), "one two three four five");
}

TEST(OfflineText, QuotesNest) { EXPECT_EQ(quoted("he said \"no\""), "\u201Che said 'no'\u201D"); }

TEST(OfflineText, CountsLettersNotPictures) {
  EXPECT_EQ(count_letters("ok \U0001F600\u2764\uFE0F 12").latin, 2u);
  EXPECT_EQ(count_letters("\U0001F600\u2764\uFE0F").other, 0u);
  EXPECT_EQ(count_letters("привет").other, 6u);
}

}  // namespace
}  // namespace llm::offline
