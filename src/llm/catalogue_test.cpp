#include "llm/catalogue.hpp"

#include <gtest/gtest.h>

#include "base/config.hpp"
#include "llm/plan.hpp"

namespace llm {
namespace {

using Texts = std::vector<std::string>;

// Exactly one text, and it holds `part`.
testing::AssertionResult is_one_with(const Texts& texts, std::string_view part) {
  if (texts.size() == 1 && texts.front().find(part) != std::string::npos) return testing::AssertionSuccess();
  auto result = testing::AssertionFailure() << texts.size() << " texts:";
  for (const auto& text : texts) result << "\n  " << text;
  return result;
}

constexpr std::string_view kTwo = R"(routes:
  default: small
models:
  small:
    vendor: openai
    id: small-1
    price: { input: 1, output: 2 }
  large:
    vendor: anthropic
    id: large-1
    price: { input: 10, output: 20, cached_input: 1 }
    fallbacks: [small]
)";

struct CatalogueTest : testing::Test {
  Catalogue catalogue;
  Faults faults;

  void read(std::string_view text, const std::string& file = "mine.yaml") {
    read_catalogue(text, file, catalogue, faults);
  }
  // The faults of a text laid over kTwo.
  Faults faults_of(std::string_view text) {
    read(kTwo, "two.yaml");
    read(text);
    check_catalogue(catalogue, faults);
    return faults;
  }
};

TEST_F(CatalogueTest, TheBuiltInOneHasNoFault) {
  catalogue = load_catalogue("", faults);
  check_catalogue(catalogue, faults);
  EXPECT_EQ(faults, Texts{});
  EXPECT_NE(catalogue.find("offline"), nullptr);
  for (const auto vendor : {Vendor::openai, Vendor::anthropic, Vendor::gemini, Vendor::bedrock}) {
    EXPECT_TRUE(
        std::ranges::any_of(catalogue.models, [&](const auto& entry) { return entry.second.vendor == vendor; }));
  }
}

TEST_F(CatalogueTest, ReadsModelsAndRoutes) {
  EXPECT_EQ(faults_of(""), Texts{});
  const auto& large = *catalogue.find("large");
  EXPECT_EQ(large.code, "large");
  EXPECT_EQ(large.vendor, Vendor::anthropic);
  EXPECT_EQ(large.price.cached_input, 1);
  EXPECT_EQ(large.price.cache_write, -1);
  EXPECT_EQ(catalogue.find(Vendor::openai, "small-1"), catalogue.find("small"));
  EXPECT_EQ(catalogue.find(Vendor::gemini, "small-1"), nullptr);
}

TEST_F(CatalogueTest, AKnownCodeNeedsOnlyWhatDiffers) {
  EXPECT_EQ(faults_of("models: {large: {price: {input: 9}}}"), Texts{});
  EXPECT_EQ(catalogue.find("large")->price.input, 9);
  EXPECT_EQ(catalogue.find("large")->price.output, 20);
  EXPECT_EQ(catalogue.find("large")->id, "large-1");
}

TEST_F(CatalogueTest, AnIdOfOpenAisSaysWhatTheEntryDoesNot) {
  EXPECT_EQ(faults_of(R"(models:
  thinks: {vendor: openai, id: gpt-7-sol, price: {input: 1, output: 1}}
  quick: {vendor: azure, id: gpt-7-sol, price: {input: 1, output: 1}, temperature: true, reasoning_effort: none, encoding: ""}
  other: {vendor: compatible, id: gpt-7-sol, price: {input: 1, output: 1}}
)"),
            Texts{});
  const auto& thinks = *catalogue.find("thinks");
  EXPECT_FALSE(thinks.temperature);
  EXPECT_EQ(thinks.encoding, "o200k_base");
  EXPECT_EQ(thinks.reasoning_effort, "low");
  const auto& quick = *catalogue.find("quick");
  EXPECT_TRUE(quick.temperature);
  EXPECT_EQ(quick.encoding, "");
  EXPECT_EQ(quick.reasoning_effort, "none");
  EXPECT_TRUE(catalogue.find("other")->temperature);
  EXPECT_EQ(catalogue.find("other")->encoding, "");
}

TEST_F(CatalogueTest, ThoughtsGetRoomAsFarAsTheModelHasIt) {
  Request asked;
  asked.max_tokens = 1'000;
  Model model{.max_output_tokens = 4'000, .reasoning_effort = "low", .reasoning_tokens = 2'000};
  EXPECT_EQ(room_of(model).tokens_for(asked), 3'000);
  model.max_output_tokens = 2'500;
  EXPECT_EQ(room_of(model).tokens_for(asked), 2'500);
  model.max_output_tokens = 500;
  EXPECT_EQ(room_of(model).tokens_for(asked), 1'000) << "what was asked for is not ours to change";
  model = {.max_output_tokens = 4'000, .reasoning_effort = "none", .reasoning_tokens = 2'000};
  EXPECT_EQ(room_of(model).tokens_for(asked), 1'000) << "it does not think";
}

TEST_F(CatalogueTest, RoutesGoByTopicPurposeAndTier) {
  EXPECT_EQ(faults_of(R"(routes:
  default: {premium: large, ultimate: large}
  assessment: large
  topics: {vision: {free: large}}
)"),
            Texts{});
  const auto& routes = catalogue.routes;
  EXPECT_EQ(routes.find(Purpose::reply, "goals", "free"), "small");
  EXPECT_EQ(routes.find(Purpose::reply, "goals", "premium"), "large");
  EXPECT_EQ(routes.find(Purpose::reply, "goals", "no such tier"), "small");
  EXPECT_EQ(routes.find(Purpose::initiation, "vision", "free"), "large");
  EXPECT_EQ(routes.find(Purpose::reply, "vision", "basic"), "small");
  EXPECT_EQ(routes.find(Purpose::assessment, "goals", "free"), "large");
  EXPECT_EQ(routes.find(Purpose::summary, "vision", "free"), "small");  // not read by people: the topic has no say
  EXPECT_EQ(routes_to(routes, "large"),
            (Texts{"default.premium", "default.ultimate", "assessment", "topics.vision.free"}));
}

TEST_F(CatalogueTest, FaultsNameFileAndLine) {
  const auto found = faults_of(R"(models:
  other:
    vendor: opnai
    id: x
    price: { input: 1 }
    max_output_token: 5
  broken: { vendor: openai, id: y, price: { input: a lot, output: 1 }, context_tokens: 10, max_output_tokens: 20 }
)");
  EXPECT_EQ(found, (Texts{"mine.yaml:6: unknown field max_output_token; did you mean max_output_tokens?",
                          "mine.yaml:3: unknown vendor opnai; did you mean openai?",
                          "mine.yaml:5: the model other has no price.output in USD for a million tokens; 0 when it "
                          "costs nothing",
                          "mine.yaml:7: input must be a number",
                          "mine.yaml:7: broken: max_output_tokens (20) is more than context_tokens (10)"}));
}

TEST_F(CatalogueTest, AMissingPriceIsAFault) {
  EXPECT_TRUE(is_one_with(faults_of("models: {x: {vendor: openai, id: x}}"), "mine.yaml:1: the model x has no price"));
}

TEST_F(CatalogueTest, RoutesToNobodyAreFaults) {
  EXPECT_EQ(
      faults_of("routes:\n  default: {gold: small, free: smal}\n  assesment: small\n  topics:\n    goals: nobody\n"),
      (Texts{"mine.yaml:2: unknown tier gold; known are free, basic, premium, ultimate",
             "mine.yaml:3: unknown route assesment; did you mean assessment?",
             "mine.yaml:2: routes/default leads to the unknown model smal; did you mean small?",
             "mine.yaml:5: routes/topics/goals leads to the unknown model nobody"}));
}

TEST_F(CatalogueTest, AFallbackToNobodyIsAFault) {
  EXPECT_EQ(faults_of("models:\n  small:\n    fallbacks: [larg]\n"),
            (Texts{"mine.yaml:2: small falls back to the unknown model larg; did you mean large?"}));
}

TEST_F(CatalogueTest, AFallbackCycleIsToldOnce) {
  EXPECT_EQ(faults_of("models:\n  small: { fallbacks: [large] }\n"),
            (Texts{"two.yaml:8: the fallbacks go round: large > small > large"}));
}

TEST_F(CatalogueTest, AModelThatFallsBackToItselfIsAFault) {
  EXPECT_EQ(faults_of("models: { small: { fallbacks: [small] } }"),
            (Texts{"mine.yaml:1: the fallbacks go round: small > small"}));
}

TEST_F(CatalogueTest, WhatIsNoYamlAndNoDateIsAFault) {
  EXPECT_TRUE(is_one_with(faults_of("models: ["), "mine.yaml:"));
  faults.clear();
  read("models: {small: {retires_on: soon}}");
  check_catalogue(catalogue, faults);
  EXPECT_TRUE(is_one_with(faults, "retires_on must be a date"));
}

TEST_F(CatalogueTest, AFileThatIsNotThereIsAFault) {
  load_catalogue("/nowhere/models.yaml", faults);
  EXPECT_TRUE(is_one_with(faults, "llm.catalogue_file cannot be read"));
}

TEST(Prices, CountCachedAndWrittenTokensAtTheirOwn) {
  const Prices prices{.input = 2, .output = 10, .cached_input = 0.2, .cache_write = 2.5};
  const Usage usage{.prompt_tokens = 1'000'000,
                    .completion_tokens = 100'000,
                    .cached_tokens = 500'000,
                    .cache_write_tokens = 100'000};
  EXPECT_DOUBLE_EQ(cost_usd(prices, usage), 0.4 * 2 + 0.5 * 0.2 + 0.1 * 2.5 + 0.1 * 10);
  EXPECT_DOUBLE_EQ(cost_usd({.input = 2, .output = 10}, usage), 2 + 1);
}

// Plans.

struct PlanTest : CatalogueTest {
  base::Time today = base::parse_time("2026-11-22T10:00:00Z");
  LlmOptions options;

  PlanTest() {
    read(kTwo, "two.yaml");
    options.provider = "catalogue";
    options.openai.api_key = base::Secret("k");
    options.anthropic.api_key = base::Secret("k");
  }
  Plan plan() { return make_plan(options, catalogue, today, faults); }
};

TEST_F(PlanTest, RoutesNeedTheKeysOfTheirVendors) {
  options.openai.api_key = {};
  plan();
  EXPECT_TRUE(is_one_with(faults, "llm.openai.api_key: has no value, but routes lead to small"));
}

TEST_F(PlanTest, AFallbackWithoutAKeyIsLeftOutWithAWarning) {
  read("routes: {default: large}");
  options.openai.api_key = {};
  const auto made = plan();
  EXPECT_EQ(faults, Texts{});
  EXPECT_EQ(made.models.at("large").fallbacks, Texts{});
  EXPECT_TRUE(is_one_with(made.warnings, "large cannot fall back to small"));
}

TEST_F(PlanTest, ARetiredModelIsRefusedWhenItIsAsked) {
  read("models: {small: {retires_on: 2026-11-22}}");
  plan();
  EXPECT_EQ(faults, (Texts{"mine.yaml:1: the model small is retired since 2026-11-22; choose another one"}));
}

TEST_F(PlanTest, ARetiredModelOfTheBuiltInListIsOnlyInTheWayOfThoseWhoWantIt) {
  catalogue = load_catalogue("", faults);
  today = base::parse_time("2027-01-14T00:00:00Z");
  options.provider = "offline";
  plan();
  EXPECT_EQ(faults, Texts{});
  options.provider = "openai";
  options.model = "gpt-4o-mini";
  plan();
  EXPECT_TRUE(is_one_with(faults, "gpt-4o-mini is retired since 2027-01-14"));
}

TEST_F(PlanTest, WarnsSixtyDaysBeforeAModelRetires) {
  read("models: {small: {retires_on: 2027-01-21}, large: {retires_on: 2026-12-01}}");
  EXPECT_EQ(plan().warnings, (Texts{"the model small retires on 2027-01-21, in 60 days"}));  // nobody asks large
  today = base::parse_time("2026-11-21T23:59:59Z");
  EXPECT_EQ(plan().warnings, Texts{});
}

TEST_F(PlanTest, TheShortFormTakesAKnownModelByCodeOrId) {
  for (const char* name : {"large", "large-1"}) {
    options.provider = "anthropic";
    options.model = name;
    const auto made = plan();
    ASSERT_EQ(faults, Texts{});
    const auto& model = made.models.at("large");
    EXPECT_EQ(model.price.output, 20);
    EXPECT_EQ(model.fallbacks, Texts{});
    EXPECT_EQ(made.routes.find(Purpose::reply, "", "free"), "large");
  }
}

TEST_F(PlanTest, TheShortFormTakesAModelThatNobodyDescribed) {
  options.provider = "openai";
  options.model = "llama3.2";
  options.assessment_model = "llama-tiny";
  options.base_url = "http://localhost:11434/v1";
  options.price_per_million_output_usd = 3;
  options.token_parameter = "max_tokens";
  const auto made = plan();
  ASSERT_EQ(faults, Texts{});
  const auto& model = made.models.at("llama3.2");
  EXPECT_EQ(model.id, "llama3.2");
  EXPECT_EQ(model.price.output, 3);
  EXPECT_EQ(model.token_parameter, "max_tokens");
  EXPECT_EQ(made.options.openai.base_url, "http://localhost:11434/v1");
  EXPECT_EQ(made.routes.find(Purpose::assessment, "", "free"), "llama-tiny");
  EXPECT_EQ(made.routes.find(Purpose::summary, "", "ultimate"), "llama-tiny");
  EXPECT_EQ(made.routes.find(Purpose::extraction, "", "free"), "llama3.2");
}

TEST_F(PlanTest, TheShortFormNeedsAKeyModelAndVendor) {
  options.openai.api_key = {};
  options.provider = "openai";
  options.model = "x";
  plan();
  EXPECT_TRUE(is_one_with(faults, "llm.openai.api_key: has no value"));
  faults.clear();
  options.model = "";
  plan();
  EXPECT_TRUE(is_one_with(faults, "no model is configured"));
  faults.clear();
  options.provider = "anthropc";
  plan();
  EXPECT_TRUE(is_one_with(faults, "did you mean anthropic?"));
}

TEST(Faults, AreThrownAllAtOnce) {
  EXPECT_NO_THROW(throw_faults({}));
  try {
    throw_faults({"one", "two"});
    FAIL();
  } catch (const base::ConfigError& error) {
    EXPECT_TRUE(error.message.ends_with("\n  one\n  two"));
    EXPECT_EQ(error.details.as_array().size(), 2U);
  }
}

}  // namespace
}  // namespace llm
