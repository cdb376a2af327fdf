#include "coaching/context.hpp"

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <set>

#include "base/bell.hpp"
#include "coaching/analysis.hpp"
#include "coaching/prompt.hpp"
#include "coaching/sweep.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;
namespace json = base::json;

// Answers from memory, and notes what it was asked.
class FakeBusiness final : public BusinessSource {
 public:
  base::Task<BusinessData> read(BusinessQuery query) override {
    const std::string name(base::name_of(query.section));
    asked.push_back(query);
    if (blocks) {
      auto ticket = bell.draw(co_await boost::asio::this_coro::executor);
      co_await ticket.wait(base::Milliseconds(20'000));
    }
    if (failing.contains(name)) throw base::Error(Code::dependency_unavailable, "down");
    const auto found = data.find(name);
    co_return BusinessData{std::make_shared<const json::value>(found == data.end() ? json::value() : found->second),
                           stale.contains(name)};
  }
  base::Task<BusinessHealth> health() override { co_return BusinessHealth{}; }

  std::vector<std::string> sections() const {
    std::vector<std::string> names;
    for (const auto& query : asked) names.emplace_back(base::name_of(query.section));
    std::ranges::sort(names);
    return names;
  }

  std::map<std::string, json::value> data;
  std::set<std::string> failing;
  std::set<std::string> stale;
  std::vector<BusinessQuery> asked;
  bool blocks = false;
  base::Bell bell;
};

class Gather : public testing::Test, public World {
 protected:
  Gather() {
    business.data["foundation"] = json::value{{"purpose", "Bread that people remember"}, {"vision", "Three shops"}};
    business.data["goals"] = json::array{{{"id", "g1"}, {"title", "Second shop"}}, {{"id", "g2"}, {"title", "Fewer"}}};
  }

  Coaching with_fake() {
    const auto& c = first->coaching;
    return {c.options,   c.llm,        c.store,     c.provider, c.topics, c.topic_versions, c.cache,
            c.responses, c.live_turns, c.live_jobs, c.tenants,  business, c.websites,       c.event_hub,
            c.webhooks,  c.clock,      c.ids,       c.random,   c.log,    c.metrics};
  }
  ContextRequest request(base::PrivateText name = base::PrivateText("Ines"), json::object input = {}) const {
    return {owner, base::PrivateText("token-1"), std::move(name), std::move(input)};
  }
  ContextPtr context_of(const std::string& topic, ContextPtr before = nullptr) {
    return run(gather(coaching, topics.find(topic), request(), std::move(before)));
  }
  // A topic whose parameters and instruction are these.
  std::shared_ptr<const Topic> topic_with(std::vector<Parameter> parameters, std::string_view instruction) {
    auto topic = std::make_shared<Topic>(*topics.find("alignment"));
    topic->hash = std::string(instruction);
    for (auto& parameter : parameters) topic->parameters.push_back(std::move(parameter));
    topic->extraction = Template(instruction, "instruction.md");
    return topic;
  }

  FakeBusiness business;
  Coaching coaching = with_fake();
};

TEST_F(Gather, AsksOnceASectionForWhatThePromptsUse) {
  const auto context = context_of("goals");
  ASSERT_TRUE(context);
  EXPECT_EQ(business.sections(), (std::vector<std::string>{"foundation"}));
  EXPECT_EQ(business.asked[0].token.reveal(), "token-1");
  EXPECT_EQ(business.asked[0].owner, owner);
  EXPECT_TRUE(context->unavailable.empty());
  const auto values = template_values(*topics.find("goals"), Conversation{}, context.get());
  EXPECT_EQ(values.at("vision"), "Three shops");
  EXPECT_TRUE(values.at("core_values").is_null());
}

TEST_F(Gather, AsksForNothingThatIsDeclaredButNotUsed) {
  const auto topic = topic_with({{"teams", "business.people", "list", false, nullptr, ""}}, "Say it.");
  const auto context = run(gather(coaching, topic, request()));
  EXPECT_EQ(std::ranges::count(business.sections(), "people"), 0);
}

TEST_F(Gather, AsksForAllSectionsAtTheSameTime) {
  business.blocks = true;
  bool done = false;
  boost::asio::co_spawn(io, gather(coaching, topics.find("insights"), request()),
                        [&](const std::exception_ptr&, const ContextPtr&) { done = true; });
  drive([&] { return business.asked.size() == 6; });
  EXPECT_FALSE(done);
  business.bell.ring();
  drive([&] { return done; });
}

TEST_F(Gather, AsksForAProfileOnlyWhenTheTokenHasNoName) {
  business.data["profile"] = json::value{{"first_name", "Ines"}, {"email", "ines@example.com"}};
  const auto context = run(gather(coaching, topics.find("goals"), request(base::PrivateText())));
  EXPECT_EQ(business.sections(), (std::vector<std::string>{"foundation", "profile"}));
  EXPECT_EQ(template_values(*topics.find("goals"), Conversation{}, context.get()).at("user_name"), "Ines");
  EXPECT_EQ(context_value({"user_email", "user", "string", false, nullptr, ""}, context.get()), "ines@example.com");
}

TEST_F(Gather, FindsTheGoalThatTheRequestNames) {
  const auto topic = topic_with({{"goal", "business.goal", "object", false, nullptr, ""}}, "{{goal}}");
  business.data["goals"] = json::value{{"id", "g1"}, {"title", "Second shop"}};
  run(gather(coaching, topic, request(base::PrivateText("Ines"), {{"goal_id", "g1"}})));
  const auto asked = std::ranges::find(business.asked, "g1", &BusinessQuery::id);
  ASSERT_NE(asked, business.asked.end());
  EXPECT_EQ(asked->section, BusinessSection::goals);
  business.asked.clear();
  for (const auto* wrong : {"", ".", ".."}) {
    run(gather(coaching, topic, request(base::PrivateText("Ines"), {{"goal_id", wrong}})));
  }
  EXPECT_EQ(std::ranges::count(business.sections(), "goals"), 0);
}

TEST_F(Gather, GoesOnWithoutWhatCannotBeRead) {
  business.failing = {"goals", "measures"};
  const auto context = context_of("insights");
  EXPECT_EQ(context->unavailable, (std::vector<std::string>{"goals", "measures"}));
  EXPECT_EQ(context->sections.at("foundation").at("purpose"), "Bread that people remember");
  const auto shown = shown_context(*context);
  EXPECT_EQ(shown.at("unavailable"), json::value({"goals", "measures"}));
  EXPECT_EQ(shown.at("sections"), json::value(json::array{"foundation"}));
}

TEST_F(Gather, TakesFromBeforeWhatCannotBeReadNow) {
  const auto before = context_of("insights");
  business.failing = {"goals"};
  const auto after = context_of("insights", before);
  EXPECT_TRUE(after->unavailable.empty());
  EXPECT_EQ(after->stale, (std::vector<std::string>{"goals"}));
  EXPECT_EQ(after->sections, before->sections);
}

TEST_F(Gather, KeepsTheSameContextWhenNothingHasChanged) {
  const auto before = context_of("goals");
  clock.advance(base::Milliseconds(60'000));
  EXPECT_EQ(context_of("goals", before), before);
  business.data["foundation"] = json::value{{"vision", "Four shops"}};
  EXPECT_NE(context_of("goals", before), before);
  business.data.clear();
  const auto emptied = context_of("goals", before);
  ASSERT_TRUE(emptied);
  EXPECT_TRUE(emptied->sections.empty());
}

TEST_F(Gather, IsNothingWhenNothingIsOnRecord) {
  business.data.clear();
  EXPECT_FALSE(context_of("goals"));
}

TEST_F(Gather, CutsASectionThatWouldDrownThePrompt) {
  json::array many;
  for (int i = 0; i < 1'000; ++i) many.push_back({{"title", std::string(100, 'x')}});
  business.data["goals"] = many;
  const auto context = context_of("insights");
  const auto size = base::write_json(context->sections.at("goals")).size();
  EXPECT_GT(size, 10'000u);
  EXPECT_LT(size, 20'000u);
}

TEST_F(Gather, AnAnalysisNeedsWhatIsRequired) {
  const auto topic = topic_with({{"people", "business.people", "list", true, nullptr, ""}}, "{{people}}");
  const auto none = run(gather(coaching, topic, request()));
  EXPECT_EQ(error_of([&] { need_business(*topic, none.get()); }), Code::validation_error);
  EXPECT_EQ(last_error->details.at(0).at("field"), "business.people");
  business.failing = {"people"};
  const auto failed = run(gather(coaching, topic, request()));
  EXPECT_EQ(error_of([&] { need_business(*topic, failed.get()); }), Code::dependency_unavailable);
  EXPECT_TRUE(last_error->retry_after);
  business.failing.clear();
  business.data["people"] = json::array{{{"name", "Otto"}}};
  const auto there = run(gather(coaching, topic, request()));
  need_business(*topic, there.get());
}

TEST_F(Gather, AConversationKeepsWhatWasGathered) {
  const auto started = run(
      start_conversation(coaching, owner, StartRequest{"goals", {}, "en", "free", {}, base::PrivateText("token-1")}));
  ASSERT_TRUE(started.context);
  const auto id = started.conversation.conversation_id;
  const auto opening = first->model.seen().back().system;
  EXPECT_NE(opening.find("Three shops"), std::string::npos);
  business.data["foundation"] = json::value{{"vision", "Four shops"}};
  const auto before = business.asked.size();
  const auto reply = [&](const std::string& text) {
    auto live = run(take_turn(coaching, owner, id, message(text)));
    run(live->wait_for_reply());
    return first->model.seen().back().system;
  };
  EXPECT_EQ(reply("We want to grow."), opening);
  first->cache.drop(id);
  EXPECT_EQ(reply("To the north."), opening);
  EXPECT_EQ(business.asked.size(), before);

  // After a pause it is read anew, whoever wakes the conversation up.
  clock.advance(options.idle_timeout + base::Milliseconds(1));
  const auto later = reply("I am back.");
  EXPECT_NE(later.find("Four shops"), std::string::npos);
  first->cache.drop(id);
  EXPECT_EQ(reply("And now?"), later);
  business.data["foundation"] = json::value{{"vision", "Five shops"}};
  run(pause_conversation(coaching, owner, id, ""));
  run(resume_conversation(coaching, owner, id, base::PrivateText("token-1")));
  first->cache.drop(id);
  EXPECT_NE(reply("Again.").find("Five shops"), std::string::npos);
}

TEST_F(Gather, DeletingAConversationErasesIt) {
  const auto id = run(start_conversation(coaching, owner, StartRequest{"goals", {}, "en", "free", {}, {}}))
                      .conversation.conversation_id;
  EXPECT_TRUE(run(store->get(context_key(id))));
  run(delete_conversation(coaching, owner, id));
  EXPECT_FALSE(run(store->get(context_key(id))));
}

TEST_F(Gather, AnAnalysisSaysWhatItWentWithout) {
  first->model.answers = {R"({"scores": {"overall_score": 70, "purpose_alignment": 80, "values_alignment": 60,
    "goal_clarity": 50}, "overall_assessment": "It names whom it is for.", "strengths": ["Names the baker."],
    "misalignments": [], "recommendations": [{"action": "Set a date.", "priority": "high", "rationale": "None."}]})"};
  AnalysisRequest asked;
  asked.topic = "alignment";
  asked.tier = "free";
  asked.input = {{"text_to_analyze", "We bake bread that people remember."}};
  asked.token = base::PrivateText("token-1");
  const auto known = run(run_analysis(coaching, owner, asked)).analysis;
  EXPECT_NE(first->model.seen().back().messages[0].content.reveal().find("Three shops"), std::string::npos);
  EXPECT_EQ(known->business_context.at("sections"), json::value(json::array{"foundation"}));
  business.failing = {"foundation"};
  const auto without = run(run_analysis(coaching, owner, asked)).analysis;
  EXPECT_FALSE(without->cached);  // another prompt
  EXPECT_EQ(without->business_context.at("unavailable"), json::value(json::array{"foundation"}));
}

TEST_F(Gather, AnAnalysisThatIsAJobKeepsWhatItsCallersTokenCouldRead) {
  AnalysisRequest asked;
  asked.topic = "alignment";
  asked.tier = "free";
  asked.input = {{"text_to_analyze", "We bake bread that people remember."}};
  asked.token = base::PrivateText("token-1");
  asked.respond_async = true;
  first->live_jobs.close();
  const auto job = run(run_analysis(coaching, owner, asked)).job.value();
  EXPECT_EQ(business.asked.back().token.reveal(), "token-1");
  EXPECT_EQ(run(store->get(job_input_key(job.job_id)))->body.find("token-1"), std::string::npos);
  const auto second = make_instance();  // whose store knows nothing of the business
  run(sweep(second->coaching, false));
  drive([&] { return second->live_jobs.size() == 0; });
  EXPECT_NE(second->model.seen().at(0).messages[0].content.reveal().find("Three shops"), std::string::npos);
}

}  // namespace
}  // namespace coaching
