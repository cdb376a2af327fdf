#include "coaching/conversations.hpp"

#include "coaching/jobs.hpp"
#include "coaching/phases.hpp"
#include "coaching/structured.hpp"
#include "coaching/sweep.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;
using namespace std::chrono_literals;

constexpr const char* kResult =
    R"({"values":[{"name":"Craft","description":"We throw away what is not right.","importance":"It is why people come.",
    "behaviours":["Everybody learns the whole bread."],"red_flag":"Explaining why this batch is good enough."}],
    "summary":"Craft comes first."})";

struct Conversations : testing::Test, World {
  // Answers extractions with `results` one after the other, everything else with a sentence.
  void answer_extractions(std::vector<std::string> results) {
    extractions = 0;
    first->model.on_complete = [this, results](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
      if (request.purpose != llm::Purpose::extraction) co_return first->model.answer(request, sink, "Go on.");
      const auto number = std::min(extractions++, results.size() - 1);
      if (results[number].empty()) throw Error(Code::llm_unavailable, "away");
      co_return first->model.answer(request, sink, results[number]);
    };
  }
  void complete(const std::string& id) { run(complete_conversation(first->coaching, owner, id, {})); }
  // Attempts of a job that waits for its next one; 0 while it is at work.
  Task<std::int64_t> claim_attempts(std::string job_id) {
    const auto item = co_await store->get(job_key(job_id));
    const auto job = record_of<Job>(*item);
    co_return job.status == JobStatus::pending ? job.attempts : 0;
  }
  // Lets other coroutines go on.
  static Task<> nothing() { co_await boost::asio::post(boost::asio::use_awaitable); }
  std::size_t extractions = 0;
};

TEST_F(Conversations, BeginWithTheCoachsMessage) {
  first->model.answers = {"Welcome. What brings you here?"};
  const auto started = run(start_conversation(first->coaching, owner, StartRequest{"purpose", {}, "en", "free", {}}));
  EXPECT_EQ(started.initial_message.content.reveal(), "Welcome. What brings you here?");
  EXPECT_EQ(first->model.seen().front().purpose, llm::Purpose::initiation);
  EXPECT_EQ(stored(started.conversation.conversation_id).status, Status::active);
}

TEST_F(Conversations, AreNotThereWhenTheModelFailsAtTheStart) {
  first->model.answers = {" "};
  EXPECT_EQ(error_of([&] { start(); }), Code::llm_error);
  EXPECT_EQ(run(list_conversations(first->coaching, owner, 1, 20, false)).total, 0);
}

TEST_F(Conversations, NameTheTopicsThatThereAreWhenOneIsUnknown) {
  EXPECT_EQ(error_of([&] { start("values"); }), Code::topic_not_found);
  EXPECT_NE(last_error->message.find("core_values"), std::string::npos);
}

TEST_F(Conversations, OfOneTopicAreActiveOneAtATime) {
  const auto old = start().conversation_id;
  const auto other = start("goals").conversation_id;
  const auto fresh = start().conversation_id;
  EXPECT_EQ(stored(old).status, Status::abandoned);
  EXPECT_EQ(stored(other).status, Status::active);
  EXPECT_EQ(stored(fresh).status, Status::active);
  EXPECT_EQ(error_of([&] { say(old, "Hello?"); }), Code::conversation_not_active);
}

TEST_F(Conversations, AreShownAsPausedAndLaterAbandonedWhenLeftAlone) {
  const auto id = start().conversation_id;
  const auto shown = [&] { return shown_status(stored(id), clock.now(), first->coaching.patience()); };
  EXPECT_EQ(shown(), Status::active);
  clock.advance(options.idle_timeout + 1ms);
  EXPECT_EQ(shown(), Status::paused);
  clock.advance(options.expiry);
  EXPECT_EQ(shown(), Status::abandoned);
  EXPECT_EQ(error_of([&] { say(id, "Hello?"); }), Code::conversation_not_active);
}

TEST_F(Conversations, WelcomeBackWhenResumed) {
  const auto id = start().conversation_id;
  run(pause_conversation(first->coaching, owner, id, "lunch"));
  first->model.answers = {"Welcome back."};
  EXPECT_EQ(run(resume_conversation(first->coaching, owner, id, {})).content.reveal(), "Welcome back.");
  EXPECT_EQ(stored(id).status, Status::active);
  EXPECT_EQ(messages(id).back().content.reveal(), "Welcome back.");
  first->model.answers = {"Still here."};
  EXPECT_EQ(run(resume_conversation(first->coaching, owner, id, {})).content.reveal(), "Still here.")
      << "while active, too";
}

TEST_F(Conversations, AreCompletedWithAValidResult) {
  const auto id = start().conversation_id;
  say(id, "Craft.");
  answer_extractions({std::string("Here you are:\n```json\n") + kResult + "\n```"});
  complete(id);
  const auto after = stored(id);
  EXPECT_EQ(after.status, Status::completed);
  EXPECT_EQ(after.result.at("values").at(0).at("name").as_string(), "Craft");
  EXPECT_TRUE(after.completed_at);
  EXPECT_EQ(progress_of(after.phase), 1.0);
}

TEST_F(Conversations, HaveABrokenResultRepairedOnce) {
  const auto id = start().conversation_id;
  say(id, "Craft.");
  answer_extractions({R"({"values":[],"summary":"None."})", kResult});
  complete(id);
  EXPECT_EQ(stored(id).status, Status::completed);
  EXPECT_EQ(extractions, 2u);
}

TEST_F(Conversations, AreNotCompletedWithEmptyWords) {
  const auto id = start("purpose").conversation_id;
  say(id, "To feed the town.");
  answer_extractions({R"({"statement":" ","why_it_matters":"x","how_it_guides":"y"})",
                      R"({"statement":"","why_it_matters":"x","how_it_guides":"y"})"});
  complete(id);
  EXPECT_EQ(stored(id).status, Status::needs_review);
  EXPECT_NE(stored(id).review_reason.find("statement must not be empty"), std::string::npos);
}

TEST_F(Conversations, NeedReviewWhenTheResultStaysBroken) {
  const auto id = start().conversation_id;
  say(id, "Craft.");
  answer_extractions({"I would rather not."});
  complete(id);
  const auto after = stored(id);
  EXPECT_EQ(after.status, Status::needs_review);
  EXPECT_TRUE(after.result.is_null());
  EXPECT_EQ(extractions, 2u);
  answer_extractions({kResult});
  complete(id);
  EXPECT_EQ(stored(id).status, Status::completed) << "completing again tries again";
}

TEST_F(Conversations, WaitForTheModelAndAreNeverCompletedWithoutIt) {
  const auto id = start().conversation_id;
  say(id, "Craft.");
  answer_extractions({"", "", kResult});
  complete(id);
  EXPECT_EQ(stored(id).status, Status::completing);
  const auto job_id = stored(id).job_id.value();
  clock.advance(10min);
  run(sweep(first->coaching, false));
  // Put back for later: only then is the time for the next attempt.
  while (run(claim_attempts(job_id)) < 2) run(nothing());
  EXPECT_EQ(stored(id).status, Status::completing);
  clock.advance(10min);
  run(sweep(first->coaching, false));
  drive([&] { return first->cache.find(id) && first->cache.find(id)->conversation.status == Status::completed; });
  EXPECT_EQ(stored(id).status, Status::completed);
}

TEST_F(Conversations, NeedReviewWhenTheModelStaysAway) {
  options.job_attempts = 2;
  const auto id = start().conversation_id;
  say(id, "Craft.");
  answer_extractions({""});
  complete(id);
  clock.advance(10min);
  run(sweep(first->coaching, false));
  drive([&] { return first->cache.find(id) && first->cache.find(id)->conversation.status == Status::needs_review; });
  EXPECT_EQ(stored(id).status, Status::needs_review);
}

TEST_F(Conversations, AreExtractedByAnotherProcessWhenTheFirstDied) {
  const auto id = start().conversation_id;
  say(id, "Craft.");
  llm::Gate never;
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    co_await never.wait();
    co_return first->model.answer(request, sink, kResult);
  };
  options.complete_wait = 1ms;
  complete(id);
  drive([&] { return never.arrived() == 1; });  // claimed, and waiting for the model
  EXPECT_EQ(stored(id).status, Status::completing);
  const auto second = make_instance();
  second->model.answers = {kResult};
  run(sweep(second->coaching, false));
  EXPECT_EQ(stored(id).status, Status::completing) << "the first still has its lease";
  clock.advance(options.job_lease + 1ms);
  run(sweep(second->coaching, false));
  drive([&] { return second->cache.find(id) && second->cache.find(id)->conversation.status == Status::completed; });
  const auto version = run(store->get(conversation_key(id)))->version;
  never.open();
  io.run_for(50ms);
  EXPECT_EQ(run(store->get(conversation_key(id)))->version, version) << "the first must not write any more";
}

TEST_F(Conversations, CannotBeCompletedWithNothingSaid) {
  const auto id = start().conversation_id;
  EXPECT_EQ(error_of([&] { complete(id); }), Code::domain_validation_error);
}

TEST_F(Conversations, AreGoneWithoutATraceWhenDeleted) {
  const auto id = start().conversation_id;
  say(id, "Forget this.", "key-1");
  run(delete_conversation(first->coaching, owner, id));
  EXPECT_EQ(error_of([&] { stored(id); }), Code::conversation_not_found);
  store::Query query;
  query.partition = conversation_key(id).partition;
  EXPECT_TRUE(run(store->query(query)).items.empty());
  query.partition = user_partition(owner);
  EXPECT_TRUE(run(store->query(query)).items.empty());
}

TEST_F(Conversations, AreListedNewestFirstInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(start().conversation_id);
    clock.advance(1s);
  }
  const auto page = run(list_conversations(first->coaching, owner, 2, 2, false));
  EXPECT_EQ(page.total, 5);
  ASSERT_EQ(page.conversations.size(), 2u);
  EXPECT_EQ(page.conversations[0].conversation_id, ids[2]);
  EXPECT_EQ(page.conversations[1].conversation_id, ids[1]);
  EXPECT_EQ(run(list_conversations(first->coaching, owner, 1, 20, true)).total, 1);
  owner.user_id = "somebody-else";
  EXPECT_EQ(run(list_conversations(first->coaching, owner, 1, 20, false)).total, 0);
}

TEST_F(Conversations, KeepUsersWithOddNamesApart) {
  EXPECT_NE(user_partition({"a#b", "c"}), user_partition({"a", "b#c"}));
  EXPECT_NE(user_partition({"a%23b", "c"}), user_partition({"a#b", "c"}));
}

TEST(Phases, NeverEndAConversationByRulesAlone) {
  const auto topics = Topics::load();
  const auto topic = topics.find("core_values");
  Conversation conversation;
  conversation.phase = Phase::validation;
  conversation.phase_turns = 1000;
  EXPECT_EQ(next_phase(*topic, conversation, nullptr), Phase::validation);
}

TEST(Phases, TakeTheLastQuestionOfAReply) {
  EXPECT_EQ(last_question("You stayed. What made you stay?"), "What made you stay?");
  EXPECT_EQ(last_question("Why? Because. And now?"), "And now?");
  EXPECT_EQ(last_question("No question."), "");
  EXPECT_EQ(last_question("?"), "?");
}

TEST(Structured, FindsTheObjectInChatter) {
  EXPECT_EQ(json_in(R"({"a":1})").at("a").as_int64(), 1);
  EXPECT_EQ(json_in("Sure {really}! ```json\n{\"a\":{\"b\":2}}\n``` Bye").at("a").at("b").as_int64(), 2);
  EXPECT_THROW(json_in("no"), Error);
  EXPECT_THROW(json_in("[1]"), Error);
}

}  // namespace
}  // namespace coaching
