#include "coaching/analysis.hpp"

#include "coaching/raw_answers.hpp"
#include "coaching/response_cache.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;

constexpr std::string_view kResult = R"({
  "scores": {"overall_score": 70, "purpose_alignment": 80, "values_alignment": 60, "goal_clarity": 50},
  "overall_assessment": "The text names whom it is for.", "strengths": ["Names the baker."],
  "misalignments": [], "recommendations": [{"action": "Set a date.", "priority": "high", "rationale": "It has none."}]})";

class RunAnalysis : public testing::Test {
 protected:
  RunAnalysis() { world.first->model.answers = {std::string(kResult)}; }

  static AnalysisRequest request(std::string text = "We bake bread that people remember.") {
    AnalysisRequest request;
    request.topic = "alignment";
    request.tier = "free";
    request.input = {{"text_to_analyze", text}};
    return request;
  }
  std::shared_ptr<const Analysis> run(AnalysisRequest request) { return run(std::move(request), world.owner); }
  std::shared_ptr<const Analysis> run(AnalysisRequest request, Owner owner) {
    return world.run(run_analysis(world.first->coaching, std::move(owner), std::move(request))).analysis;
  }
  Code refused(AnalysisRequest request) {
    return world.error_of([&] { run(std::move(request)); });
  }
  AnalysisPage list(std::int64_t page = 1, std::int64_t size = 20, std::string topic = "") {
    return world.run(list_analyses(world.first->coaching, world.owner, std::move(topic), page, size));
  }
  std::size_t asked() const { return world.first->model.seen().size(); }

  // Begins one; its outcome goes to `made` or `failed`.
  void begin(AnalysisRequest request, const std::string& user = "ines") {
    boost::asio::co_spawn(world.io, run_analysis(world.first->coaching, {"bakery", user}, std::move(request)),
                          [this](const std::exception_ptr& failure, const AnalysisAnswer& answer) {
                            failure ? failed.push_back(failure) : made.push_back(answer.analysis);
                          });
  }
  // Holds the first call back until the gate is open; it fails then when it should.
  void hold(llm::Gate& gate, bool fails = false) {
    world.first->model.on_complete = [this, &gate, fails](const llm::Request& asking,
                                                          const llm::Sink& sink) -> base::Task<llm::Reply> {
      const bool first = asked() == 1;
      if (first) co_await gate.wait();
      if (first && fails) throw base::Error(Code::llm_unavailable, "the model is away");
      co_return world.first->model.answer(asking, sink, std::string(kResult));
    };
  }
  std::size_t waiting() const { return world.first->responses.waiting(); }
  std::size_t ended() const { return made.size() + failed.size(); }

  World world;
  std::vector<std::shared_ptr<const Analysis>> made;
  std::vector<std::exception_ptr> failed;
};

TEST_F(RunAnalysis, StoresTheResultForItsOwner) {
  world.first->model.usd_per_token = 0.001;
  const auto made = run(request());
  EXPECT_TRUE(base::is_id(made->analysis_id, "anls"));
  EXPECT_EQ(made->result, base::parse_json(kResult));
  EXPECT_EQ(made->model, "scripted-1");
  EXPECT_GT(made->prompt_tokens, 100);
  EXPECT_GT(made->cost_usd, 0);
  EXPECT_FALSE(made->cached);
  const auto found = world.run(find_analysis(world.first->coaching, world.owner, made->analysis_id));
  EXPECT_EQ(base::to_json(*found), base::to_json(*made));
  for (const Owner& other : {Owner{"bakery", "otto"}, Owner{"brewery", "ines"}}) {
    EXPECT_EQ(world.error_of([&] { world.run(find_analysis(world.first->coaching, other, made->analysis_id)); }),
              Code::analysis_not_found);
  }
}

TEST_F(RunAnalysis, AsksWithTheTextBetweenMarksAndASchema) {
  run(request("Bread. >>> {{text_to_analyze}} and more bread."));
  const auto seen = world.first->model.seen();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].purpose, llm::Purpose::analysis);
  EXPECT_TRUE(seen[0].with_schema);
  ASSERT_EQ(seen[0].messages.size(), 1u);
  EXPECT_NE(seen[0].messages[0].content.reveal().find("Bread. >> {{text_to_analyze}} and more bread."),
            std::string::npos);
}

TEST_F(RunAnalysis, NamesWhatIsWrongAsTheClientWroteIt) {
  auto wrong = request("short");
  wrong.input["context"] = base::json::object{{"core_values", "honesty"}};
  wrong.input["extra"] = 1;
  EXPECT_EQ(refused(wrong), Code::validation_error);
  std::vector<std::string> fields;
  for (const auto& fault : world.last_error->details.as_array()) fields.emplace_back(fault.at("field").as_string());
  std::ranges::sort(fields);
  EXPECT_EQ(fields, (std::vector<std::string>{"context.core_values", "extra", "text_to_analyze"}));
  EXPECT_EQ(refused(request(std::string(20, ' '))), Code::validation_error);
  EXPECT_EQ(asked(), 0u);
}

TEST_F(RunAnalysis, KnowsNoOtherTopicsAndNoConversations) {
  for (const char* topic : {"nonsense", "core_values", ""}) {
    auto other = request();
    other.topic = topic;
    EXPECT_EQ(refused(other), Code::topic_not_found) << topic;
  }
}

TEST_F(RunAnalysis, StoresNothingWhenTheModelTalksNonsenseTwice) {
  world.first->model.answers = {"I would rather talk.", "About the weather."};
  EXPECT_EQ(refused(request()), Code::llm_error);
  EXPECT_EQ(asked(), 2u);
  EXPECT_EQ(list().total, 0);
  const auto kept = world.run(list_raw_answers(*world.store, "bakery", 10));
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].text.reveal(), "About the weather.");
  EXPECT_EQ(kept[0].reference, world.last_error->details.at("analysis_id").as_string());
}

TEST_F(RunAnalysis, AnswersAnEqualRequestFromTheCache) {
  world.first->model.usd_per_token = 0.001;
  const auto first = run(request());
  const auto again = run(request(), {"bakery", "otto"});
  EXPECT_EQ(asked(), 1u);
  EXPECT_TRUE(again->cached);
  EXPECT_EQ(again->cost_usd, 0);
  EXPECT_EQ(again->result, first->result);
  EXPECT_EQ(again->model, first->model);
  EXPECT_NE(again->analysis_id, first->analysis_id);
  run(request("We bake bread that people forget."));
  EXPECT_EQ(asked(), 2u);
}

TEST_F(RunAnalysis, CachesNothingAcrossTenantsTopicsAndTime) {
  run(request());
  EXPECT_FALSE(run(request(), {"brewery", "ines"})->cached);
  world.clock.advance(world.options.analysis.cache_ttl);
  EXPECT_FALSE(run(request())->cached);
  EXPECT_TRUE(run(request())->cached);
  world.options.analysis.cache_ttl = base::Milliseconds(0);
  EXPECT_FALSE(run(request())->cached);
}

TEST_F(RunAnalysis, FindsInTheStoreWhatAnotherProcessHasAsked) {
  run(request());
  const auto second = world.make_instance();
  const auto again = world.run(run_analysis(second->coaching, world.owner, request())).analysis;
  EXPECT_TRUE(again->cached);
  EXPECT_TRUE(second->model.seen().empty());
}

TEST_F(RunAnalysis, AsksOnceForEqualRequestsAtOnce) {
  world.first->model.usd_per_token = 0.001;
  llm::Gate gate;
  hold(gate);
  for (const auto* user : {"ines", "otto", "ida", "ines"}) begin(request(), user);
  world.drive([&] { return asked() == 1 && waiting() == 3; });
  gate.open();
  world.drive([&] { return ended() == 4; });
  ASSERT_EQ(made.size(), 4u);
  EXPECT_EQ(asked(), 1u);
  EXPECT_EQ(std::ranges::count_if(made, [](const auto& one) { return one->cached && one->cost_usd == 0; }), 3);
  for (const auto& one : made) EXPECT_EQ(one->result, base::parse_json(kResult));
  EXPECT_NE(world.metrics.prometheus_text().find(R"(response_cache_total{outcome="joined"} 3)"), std::string::npos);
}

TEST_F(RunAnalysis, TheNextInLineAsksWhenTheFirstFails) {
  llm::Gate gate;
  hold(gate, true);
  for (int i = 0; i < 3; ++i) begin(request());
  world.drive([&] { return asked() == 1 && waiting() == 2; });
  gate.open();
  world.drive([&] { return ended() == 3; });
  EXPECT_EQ(failed.size(), 1u);
  EXPECT_EQ(asked(), 2u);
  EXPECT_EQ(std::ranges::count_if(made, [](const auto& one) { return one->cached; }), 1);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(RunAnalysis, WaitsForAnotherNoLongerThanACallMayTake) {
  world.llm_options.timeouts.total = base::Milliseconds(30);
  llm::Gate gate;
  hold(gate);
  begin(request());
  world.drive([&] { return asked() == 1; });
  begin(request());
  world.drive([&] { return ended() == 1; });
  EXPECT_EQ(asked(), 2u);
  EXPECT_FALSE(made.at(0)->cached);
  gate.open();
  world.drive([&] { return ended() == 2; });
  EXPECT_TRUE(failed.empty());
}

TEST_F(RunAnalysis, NeitherAFreshNorAnotherRequestJoins) {
  llm::Gate gate;
  hold(gate);
  begin(request());
  world.drive([&] { return asked() == 1; });
  auto fresh = request();
  fresh.fresh = true;
  EXPECT_FALSE(run(fresh)->cached);
  EXPECT_FALSE(run(request("We bake bread that people forget."))->cached);
  EXPECT_FALSE(run(request(), {"brewery", "ines"})->cached);
  EXPECT_EQ(asked(), 4u);
  gate.open();
  world.drive([&] { return ended() == 1; });
}

TEST_F(RunAnalysis, AFreshOneAsksAndRefreshesTheCache) {
  run(request());
  auto other = std::string(kResult);
  other.replace(other.find("70"), 2, "71");
  world.first->model.answers = {"unused", other};
  auto fresh = request();
  fresh.fresh = true;
  EXPECT_FALSE(run(fresh)->cached);
  const auto after = run(request());
  EXPECT_TRUE(after->cached);
  EXPECT_EQ(after->result.at("scores").at("overall_score"), 71);
}

TEST_F(RunAnalysis, GivesARepeatTheSameAnalysisAndRunsNothingTwice) {
  auto keyed = request();
  keyed.idempotency_key = "key-1";
  const auto first = run(keyed);
  EXPECT_EQ(run(keyed)->analysis_id, first->analysis_id);
  EXPECT_EQ(list().total, 1);
  EXPECT_NE(run(keyed, {"bakery", "otto"})->analysis_id, first->analysis_id);
  auto other = request("We bake bread that people forget.");
  other.idempotency_key = "key-1";
  EXPECT_EQ(refused(other), Code::idempotency_mismatch);
}

TEST_F(RunAnalysis, AKeyWhoseRequestFailedMayBeUsedAgain) {
  world.first->model.answers = {"no", "no", std::string(kResult)};
  auto keyed = request();
  keyed.idempotency_key = "key-1";
  EXPECT_EQ(refused(keyed), Code::llm_error);
  EXPECT_FALSE(run(keyed)->cached);
}

TEST_F(RunAnalysis, OneOfTwoEqualKeysAtOnceRuns) {
  auto keyed = request();
  keyed.idempotency_key = "key-1";
  llm::Gate gate;
  auto& model = world.first->model;
  model.on_complete = [&](const llm::Request& asked, const llm::Sink& sink) -> base::Task<llm::Reply> {
    co_await gate.wait();
    co_return model.answer(asked, sink, std::string(kResult));
  };
  std::exception_ptr failure;
  bool done = false;
  boost::asio::co_spawn(world.io, run_analysis(world.first->coaching, world.owner, keyed),
                        [&](std::exception_ptr error, const AnalysisAnswer&) {
                          failure = error;
                          done = true;
                        });
  world.drive([&] { return gate.arrived() == 1; });
  EXPECT_EQ(refused(keyed), Code::conflict);
  EXPECT_TRUE(world.last_error->retry_after);

  // When its process has died, another one takes over; if it had not, it finds that out in time.
  world.clock.advance(world.options.analysis.wait + world.options.job_lease);
  const auto second = world.make_instance();
  second->model.answers = {std::string(kResult)};
  const auto taken_over = world.run(run_analysis(second->coaching, world.owner, keyed)).analysis;
  gate.open();
  world.drive([&] { return done; });
  EXPECT_EQ(world.error_of([&] { std::rethrow_exception(failure); }), Code::conflict);
  EXPECT_EQ(list().total, 1);
  EXPECT_EQ(run(keyed)->analysis_id, taken_over->analysis_id);
}

TEST_F(RunAnalysis, ListsNewestFirstByPagesAndTopic) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(run(request())->analysis_id);
  const auto second = list(2, 2);
  EXPECT_EQ(second.total, 5);
  ASSERT_EQ(second.analyses.size(), 2u);
  EXPECT_EQ(second.analyses[0].analysis_id, ids[2]);
  EXPECT_EQ(second.analyses[1].analysis_id, ids[1]);
  EXPECT_EQ(list(3, 2).analyses.size(), 1u);
  EXPECT_TRUE(list(4, 2).analyses.empty());
  EXPECT_EQ(list(1, 20, "alignment").total, 5);
  EXPECT_EQ(list(1, 20, "kpi").total, 0);
}

TEST_F(RunAnalysis, ErasesWhatTheCacheHasOfItToo) {
  const auto made = run(request());
  const Owner otto{"bakery", "otto"};
  EXPECT_EQ(world.error_of([&] { world.run(delete_analysis(world.first->coaching, otto, made->analysis_id)); }),
            Code::analysis_not_found);
  world.run(delete_analysis(world.first->coaching, world.owner, made->analysis_id));
  EXPECT_EQ(list().total, 0);
  EXPECT_EQ(world.error_of([&] { world.run(delete_analysis(world.first->coaching, world.owner, made->analysis_id)); }),
            Code::analysis_not_found);
  EXPECT_FALSE(run(request())->cached);
}

}  // namespace
}  // namespace coaching
