#include "llm/tokens.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/embedded.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "llm/provider.hpp"
#include "llm/token_pieces.hpp"
#include "llm/token_table.hpp"

namespace llm {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Sample {
  std::string text;
  std::vector<std::uint32_t> cl100k_base;
  std::vector<std::uint32_t> o200k_base;
};
BOOST_DESCRIBE_STRUCT(Sample, (), (text, cl100k_base, o200k_base))

// What token-ranks/fixture.mjs wrote; PURPOSEPATH_TOKEN_SAMPLES names a larger file of the same form.
std::vector<Sample> samples() {
  const char* other = std::getenv("PURPOSEPATH_TOKEN_SAMPLES");
  return base::from_json<std::vector<Sample>>(
      base::parse_json(read(other != nullptr ? other : "tests/data/tokens.json")));
}

std::string as_json(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

TEST(Tokens, AreThoseOfOpenAisOwnTokenizer) {
  const auto all = samples();
  ASSERT_GT(all.size(), 300u);
  for (const auto& sample : all) {
    ASSERT_EQ(encode_tokens("cl100k_base", sample.text), sample.cl100k_base) << as_json(sample.text);
    ASSERT_EQ(encode_tokens("o200k_base", sample.text), sample.o200k_base) << as_json(sample.text);
    EXPECT_EQ(count_tokens("o200k_base", sample.text), std::ssize(sample.o200k_base));
  }
}

TEST(Tokens, MakeUpTheTextAgain) {
  const TokenTable table(*base::embedded("tokens/o200k_base.bin"));
  for (const auto& sample : samples()) {
    std::string text;
    for (const auto rank : encode_tokens("o200k_base", sample.text)) text += table.token(rank);
    EXPECT_EQ(text, sample.text);
  }
}

TEST(Tokens, TakeBytesThatAreNoUtf8) {
  for (const std::string_view text : {"\xff", "a\xc3", "\xe4\xb8", "x\x80\x80y", "\xed\xa0\x80"}) {
    EXPECT_GE(count_tokens("o200k_base", text), 1) << as_json("bad");
    EXPECT_GE(count_tokens("cl100k_base", text), 1);
  }
}

TEST(Tokens, WithoutAnEncodingAreEstimated) {
  EXPECT_EQ(count_tokens("", "four and a half words"), estimate_tokens("four and a half words"));
  EXPECT_TRUE(is_encoding(""));
  EXPECT_TRUE(is_encoding("cl100k_base"));
  EXPECT_FALSE(is_encoding("p50k_base"));
  EXPECT_THROW(count_tokens("p50k_base", "x"), base::Error);
}

// 100,000 letters without a space are one piece; quadratic work would take minutes.
TEST(Tokens, OfOneEndlessWordAreCountedInTime) {
  std::string word;
  for (int i = 0; i < 100'000; ++i) word += static_cast<char>('a' + i * 7 % 26);
  EXPECT_GT(count_tokens("o200k_base", word), 10'000);
}

TEST(Tokens, OfAPromptAreThoseOfItsTextsAndWhatSeparatesThem) {
  Request request;
  request.system = base::PrivateText("You coach.");
  request.messages = {{Role::user, base::PrivateText("我们为两个村庄烤面包")}};
  const auto texts = count_tokens("o200k_base", "You coach.") + count_tokens("o200k_base", "我们为两个村庄烤面包");
  EXPECT_EQ(count_prompt("o200k_base", request), texts + 8);
  EXPECT_EQ(count_prompt("", request), estimate_prompt(request));
}

TEST(TokenTable, KnowsEveryTokenByItsBytesAndNoOther) {
  for (const auto* name : {"tokens/cl100k_base.bin", "tokens/o200k_base.bin"}) {
    const TokenTable table(*base::embedded(name));
    ASSERT_GT(table.size(), 100'000u);
    for (std::uint32_t rank = 0; rank < table.size(); ++rank) ASSERT_EQ(table.rank_of(table.token(rank)), rank);
    EXPECT_EQ(table.rank_of(""), TokenTable::kNone);
    EXPECT_EQ(table.rank_of("nosuchtokenever"), TokenTable::kNone);
    EXPECT_EQ(table.rank_of(std::string(1'000, 'a')), TokenTable::kNone);
  }
}

TEST(TokenTable, RefusesATableThatIsCutShort) {
  const auto whole = *base::embedded("tokens/cl100k_base.bin");
  EXPECT_THROW(TokenTable(whole.substr(0, whole.size() - 1)), base::Error);
  EXPECT_THROW(TokenTable("PPT0"), base::Error);
  EXPECT_THROW(CharClasses("short"), base::Error);
}

// The bounds that estimate_tokens states, held to people's talk: the transcripts of the examples, line by line and whole.
TEST(EstimateTokens, IsWithinThirtyPercentForEnglishTalk) {
  for (const auto* name : {"core_values_1", "goals_1", "purpose_1", "vision_1"}) {
    const auto text = read(std::string("examples/transcripts/") + name + ".txt");
    ASSERT_FALSE(text.empty());
    for (const auto* encoding : {"o200k_base", "cl100k_base"}) {
      const auto exact = static_cast<double>(count_tokens(encoding, text));
      const auto estimated = static_cast<double>(estimate_tokens(text));
      EXPECT_GE(estimated, exact * 0.7) << name;
      EXPECT_LE(estimated, exact * 1.3) << name;
      RecordProperty(std::string(name) + "_" + encoding, std::to_string(estimated / exact));
    }
  }
}

}  // namespace
}  // namespace llm
