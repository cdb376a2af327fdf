#include "coaching/turn.hpp"

#include "coaching/prompt.hpp"
#include "coaching/sweep.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;
using namespace std::chrono_literals;

Task<llm::Reply> unavailable(const llm::Request&, const llm::Sink&) {
  throw Error(Code::llm_unavailable, "the model is away");
  co_return llm::Reply{};
}

struct TakeTurn : testing::Test, World {
  // Holds the model's answer back; the gate lets it go.
  void hold(Instance& instance, llm::Gate& gate) {
    instance.model.on_complete = [&instance, &gate](const llm::Request& request,
                                                    const llm::Sink& sink) -> Task<llm::Reply> {
      co_await gate.wait();
      co_return instance.model.answer(request, sink, "Held back.");
    };
  }
};

TEST_F(TakeTurn, StoresMessageAndReplyAndCountsThem) {
  const auto id = start().conversation_id;
  first->model.answers = {"", "What moved you most?"};
  const auto reply = say(id, "We baked through the night.");
  EXPECT_EQ(reply->content.reveal(), "What moved you most?");
  EXPECT_EQ(reply->turn->follow_up_question->reveal(), "What moved you most?");
  const auto all = messages(id);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].content.reveal(), "We baked through the night.");
  EXPECT_EQ(all[2].turn->message_id, all[1].message_id);
  const auto after = stored(id);
  EXPECT_EQ(after.turn_count, 1);
  EXPECT_EQ(after.message_count, 3);
  EXPECT_FALSE(after.open_turn);
  EXPECT_EQ(first->live_turns.size(), 0u);
}

TEST_F(TakeTurn, NotesItsTriesWhenTheModelTookMoreThanOne) {
  const auto id = start().conversation_id;
  std::size_t failures = 0;
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    for (std::size_t i = 0; i < failures; ++i) {
      request.trail->push_back({.model = "large", .outcome = "llm_unavailable", .reason = "503", .took = 40ms});
    }
    request.trail->push_back({.model = "small", .outcome = "ok", .waited = 250ms, .took = 900ms});
    co_return first->model.answer(request, sink, "Yes?");
  };
  const auto stored_body = [&](const Message& message) {
    return run(store->get(message_key(id, message.sequence)))->body;
  };
  const auto clean = say(id, "One.");
  EXPECT_TRUE(clean->turn->tries.empty());
  EXPECT_EQ(stored_body(*clean).find("tries"), std::string::npos) << "most records stay as small as they were";
  failures = 1;
  const auto second = say(id, "Two.");
  EXPECT_NE(stored_body(*second).find(R"("tries":[{"model":"large","outcome":"llm_unavailable","ms":40,"waited_ms":0},)"
                                      R"({"model":"small","outcome":"ok","ms":900,"waited_ms":250}])"),
            std::string::npos)
      << stored_body(*second);
  failures = 20;
  say(id, "Three.");
  const auto all = messages(id);
  EXPECT_TRUE(all[2].turn->tries.empty());
  ASSERT_EQ(all[4].turn->tries.size(), 2u);
  EXPECT_EQ(all[4].turn->tries[1].waited_ms, 250);
  ASSERT_EQ(all[6].turn->tries.size(), 8u) << "bounded";
  EXPECT_EQ(all[6].turn->tries.back().model, "small") << "the last ones";
}

TEST_F(TakeTurn, IsAcceptedDurablyBeforeTheModelIsAsked) {
  const auto id = start().conversation_id;
  std::size_t stored_when_asked = 0;
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    store::Query query;
    query.partition = message_key(id, 0).partition;
    query.from = "msg#";
    query.to = "msg$";
    stored_when_asked = (co_await store->query(query)).items.size();
    co_return first->model.answer(request, sink, "Yes?");
  };
  say(id, "Hello.");
  EXPECT_EQ(stored_when_asked, 2u);
}

TEST_F(TakeTurn, KeepsTheUsersMessageWhenTheModelFails) {
  const auto id = start().conversation_id;
  first->model.on_complete = unavailable;
  EXPECT_EQ(error_of([&] { say(id, "Important."); }), Code::llm_unavailable);
  EXPECT_EQ(messages(id).back().content.reveal(), "Important.");
  EXPECT_FALSE(stored(id).open_turn);
  EXPECT_EQ(stored(id).turn_count, 0);
}

TEST_F(TakeTurn, DoesNotStoreTheMessageTwiceWhenItIsSentAgainAfterAFailure) {
  const auto id = start().conversation_id;
  first->model.on_complete = unavailable;
  error_of([&] { say(id, "Important."); });
  first->model.on_complete = nullptr;
  EXPECT_FALSE(say(id, "Important.")->content.empty());
  EXPECT_EQ(messages(id).size(), 3u);
}

TEST_F(TakeTurn, RunsAFailedTurnAgainUnderTheSameKey) {
  const auto id = start().conversation_id;
  first->model.on_complete = unavailable;
  error_of([&] { say(id, "Important.", "key-1"); });
  first->model.on_complete = nullptr;
  const auto reply = say(id, "Important.", "key-1");
  EXPECT_EQ(reply->turn->attempt, 2);
  EXPECT_EQ(messages(id).size(), 3u);
}

TEST_F(TakeTurn, AnswersARepeatWithoutAskingTheModel) {
  const auto id = start().conversation_id;
  const auto reply = say(id, "Once.", "key-1");
  say(id, "Something else.");
  const auto calls = first->model.seen().size();
  const auto again = say(id, "Once.", "key-1");
  EXPECT_EQ(again->message_id, reply->message_id);
  EXPECT_EQ(first->model.seen().size(), calls);
  EXPECT_EQ(messages(id).size(), 5u);
}

TEST_F(TakeTurn, AnswersARepeatAlsoWhenTheConversationIsOver) {
  const auto id = start().conversation_id;
  const auto reply = say(id, "Once.", "key-1");
  run(cancel_conversation(first->coaching, owner, id));
  EXPECT_EQ(say(id, "Once.", "key-1")->message_id, reply->message_id);
}

TEST_F(TakeTurn, RefusesAnotherBodyUnderTheSameKey) {
  const auto id = start().conversation_id;
  say(id, "Once.", "key-1");
  EXPECT_EQ(error_of([&] { say(id, "Twice.", "key-1"); }), Code::idempotency_mismatch);
}

TEST_F(TakeTurn, RunsOnceForTenRequestsAtOnceWithOneKey) {
  const auto id = start().conversation_id;
  llm::Gate gate;
  hold(*first, gate);
  std::vector<std::string> answers;
  int failed = 0;
  for (int i = 0; i < 10; ++i) {
    boost::asio::co_spawn(
        io,
        [&]() -> Task<> {
          const auto live = co_await take_turn(first->coaching, owner, id, message("All at once.", "key-1"));
          answers.push_back((co_await live->wait_for_reply())->message_id);
        },
        [&](const std::exception_ptr& error) { failed += error ? 1 : 0; });
  }
  drive([&] { return gate.arrived() > 0; });
  gate.open();
  drive([&] { return answers.size() + static_cast<std::size_t>(failed) == 10; });
  EXPECT_EQ(failed, 0);
  for (const auto& answer : answers) EXPECT_EQ(answer, answers.front());
  EXPECT_EQ(messages(id).size(), 3u);
}

TEST_F(TakeTurn, RefusesASecondMessageWhileTheFirstIsAnswered) {
  const auto id = start().conversation_id;
  llm::Gate gate;
  hold(*first, gate);
  const auto live = take(id, message("First."));
  EXPECT_EQ(error_of([&] { take(id, message("Second.")); }), Code::turn_in_progress);
  EXPECT_EQ(last_error->details.at("turn_id").as_string(), live->turn.turn_id);
  gate.open();
  run(live->wait_for_reply());
  EXPECT_EQ(messages(id).size(), 3u);
}

TEST_F(TakeTurn, IsFinishedByAnotherProcessAfterTheLease) {
  const auto id = start().conversation_id;
  llm::Gate never;
  hold(*first, never);
  const auto lost = take(id, message("Do not lose this."));
  const auto second = make_instance();
  second->model.answers = {"I have it."};
  EXPECT_FALSE(run(take_over(second->coaching, id, false))) << "the lease still runs";
  clock.advance(options.turn_lease + 1ms);
  const auto taken = run(take_over(second->coaching, id, false));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->turn.attempt, 2);
  EXPECT_EQ(run(taken->wait_for_reply())->content.reveal(), "I have it.");

  // The first process wakes up with its own answer: it must not become a second reply.
  never.open();
  EXPECT_EQ(error_of([&] { run(lost->wait_for_reply()); }), Code::conflict);
  const auto all = messages(id);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].content.reveal(), "I have it.");
  EXPECT_EQ(stored(id).turn_count, 1);
}

TEST_F(TakeTurn, OfADeadProcessIsFinishedByTheFirstSweepOfAnEmbeddedStore) {
  const auto id = start().conversation_id;
  llm::Gate never;
  hold(*first, never);
  take(id, message("Do not lose this."));
  const auto second = make_instance();
  run(sweep(second->coaching, true));
  drive([&] { return second->live_turns.size() == 0; });
  EXPECT_EQ(messages(id).size(), 3u);
  never.open();
  drive([&] { return first->live_turns.size() == 0; });
}

TEST_F(TakeTurn, KeepsItsLeaseWhileTheModelWorks) {
  const auto id = start().conversation_id;
  llm::Gate gate;
  hold(*first, gate);
  const auto live = take(id, message("Think long."));
  const auto second = make_instance();
  for (int i = 0; i < 5; ++i) {
    clock.advance(options.turn_lease / 2);
    const auto before = live->leased_at;
    run(sweep(first->coaching, false));
    drive([&] { return live->leased_at != before && !live->renewing; });
    EXPECT_FALSE(run(take_over(second->coaching, id, false)));
  }
  gate.open();
  EXPECT_EQ(run(live->wait_for_reply())->content.reveal(), "Held back.");
}

TEST_F(TakeTurn, IsGivenUpWhenNobodyListensForLong) {
  const auto id = start().conversation_id;
  llm::Gate never;
  hold(*first, never);
  const auto live = take(id, message("Anybody?"));
  {
    const Listening gone(live, clock);
  }
  run(sweep(first->coaching, false));
  EXPECT_FALSE(live->finished());
  clock.advance(options.resume_grace + 1ms);
  run(sweep(first->coaching, false));
  EXPECT_EQ(error_of([&] { run(live->wait_for_reply()); }), Code::llm_unavailable);
  EXPECT_EQ(messages(id).back().content.reveal(), "Anybody?");
  EXPECT_FALSE(stored(id).open_turn);
}

TEST_F(TakeTurn, IsLeftOpenForOthersWhenTheProcessDrains) {
  const auto id = start().conversation_id;
  llm::Gate never;
  hold(*first, never);
  const auto live = take(id, message("Still there?"));
  live->interrupt(Error(Code::shutting_down, "the server is going down"));
  EXPECT_EQ(error_of([&] { run(live->wait_for_reply()); }), Code::shutting_down);
  const auto second = make_instance();
  clock.advance(1ms);
  const auto taken = run(take_over(second->coaching, id, false));
  ASSERT_TRUE(taken);
  run(taken->wait_for_reply());
  EXPECT_EQ(messages(id).size(), 3u);
}

TEST_F(TakeTurn, EndsWhenTheConversationIsCancelled) {
  const auto id = start().conversation_id;
  llm::Gate never;
  hold(*first, never);
  const auto live = take(id, message("Wait."));
  run(cancel_conversation(first->coaching, owner, id));
  EXPECT_EQ(error_of([&] { run(live->wait_for_reply()); }), Code::conversation_not_active);
  EXPECT_EQ(stored(id).status, Status::cancelled);
  EXPECT_EQ(messages(id).size(), 2u);
}

TEST_F(TakeTurn, RefusesMoreThanTheTopicsTurns) {
  const auto id = start().conversation_id;
  const auto limit = topics.find("core_values")->max_turns;
  ASSERT_GT(limit, 0);
  for (int i = 0; i < limit; ++i) say(id, "More.");
  EXPECT_EQ(error_of([&] { say(id, "Too much."); }), Code::domain_validation_error);
  EXPECT_EQ(last_error->details.at("rule").as_string(), "max_turns_reached");
  EXPECT_EQ(messages(id).size(), static_cast<std::size_t>(2 * limit + 1));
}

TEST_F(TakeTurn, TakesAPausedConversationUpAgainUnlessToldNotTo) {
  const auto id = start().conversation_id;
  run(pause_conversation(first->coaching, owner, id, "lunch"));
  auto request = message("Back.");
  request.resume_paused = false;
  EXPECT_EQ(error_of([&] { take(id, request); }), Code::conversation_not_active);
  say(id, "Back.");
  EXPECT_EQ(stored(id).status, Status::active);
}

TEST_F(TakeTurn, SeesWhatAnotherProcessCommitted) {
  const auto id = start().conversation_id;
  say(id, "Here.");
  const auto second = make_instance();
  run(run(take_turn(second->coaching, owner, id, message("There.")))->wait_for_reply());
  say(id, "Here again.");  // the first process still remembers an older state
  EXPECT_EQ(messages(id).size(), 7u);
}

TEST_F(TakeTurn, RefusesWhatIsNotTheCallers) {
  const auto id = start().conversation_id;
  owner.user_id = "mallory";
  EXPECT_EQ(error_of([&] { take(id, message("Mine?")); }), Code::conversation_not_found);
  owner = {"other-tenant", "ines"};
  EXPECT_EQ(error_of([&] { take(id, message("Mine?")); }), Code::conversation_not_found);
}

TEST_F(TakeTurn, GivesItsTextToListenersAsItComes) {
  const auto id = start().conversation_id;
  llm::Gate gate;
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    sink("One ");
    co_await gate.wait();
    sink("two.");
    auto reply = first->model.answer(request, {}, "One two.");
    co_return reply;
  };
  auto request = message("Count.");
  request.stream = true;
  const auto live = take(id, request);
  run(live->wait_for_news(0, 5000ms));
  EXPECT_EQ(live->news_since(0).text, "One ");
  gate.open();
  run(live->wait_for_reply());
  const auto rest = live->news_since(4);
  EXPECT_EQ(rest.text, "two.");
  EXPECT_TRUE(rest.reply);
}

TEST_F(TakeTurn, IsFoundByItsIdWhileAtWorkAndAfterwards) {
  const auto id = start().conversation_id;
  llm::Gate gate;
  hold(*first, gate);
  const auto live = take(id, message("Hm."));
  EXPECT_EQ(run(find_turn(first->coaching, owner, id, live->turn.turn_id, 0ms)), live);
  gate.open();
  const auto reply = run(live->wait_for_reply());
  const auto found = run(find_turn(first->coaching, owner, id, live->turn.turn_id, 0ms));
  EXPECT_EQ(found->news_since(0).reply->message_id, reply->message_id);
  EXPECT_EQ(error_of([&] { run(find_turn(first->coaching, owner, id, "turn_00000000000000000000000000", 0ms)); }),
            Code::not_found);
}

TEST_F(TakeTurn, SendsAPromptWhoseBeginningNeverChanges) {
  const auto id = start().conversation_id;
  for (int i = 0; i < 6; ++i) say(id, "Message " + std::to_string(i));
  const auto seen = first->model.seen();
  for (std::size_t i = 2; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].system, seen[1].system);
    ASSERT_EQ(seen[i].messages.size(), seen[i - 1].messages.size() + 2);
    for (std::size_t m = 0; m < seen[i - 1].messages.size(); ++m) {
      EXPECT_EQ(seen[i].messages[m].content, seen[i - 1].messages[m].content);
    }
  }
}

TEST_F(TakeTurn, LeavesTemplateSyntaxOfUsersAlone) {
  const auto id = start().conversation_id;
  const std::string text = "{{language}} {{#phases}}{{name}}{{/phases}} {{{x}}} <b>&amp;</b>";
  say(id, text);
  EXPECT_EQ(first->model.seen().back().messages.back().content.reveal(), text);
  EXPECT_EQ(messages(id)[1].content.reveal(), text);
}

TEST_F(TakeTurn, SendsOnlyTheWindowOfALongConversation) {
  options.window_tokens = 200;
  const auto id = start().conversation_id;
  const auto last_reply = [&] {
    const auto all = first->model.seen();
    return *std::ranges::find(all.rbegin(), all.rend(), llm::Purpose::reply, &llm::ScriptedProvider::Seen::purpose);
  };
  for (int i = 0; i < 30; ++i) say(id, "This is message number " + std::to_string(i) + " of a long conversation.");
  const auto seen = last_reply();
  EXPECT_LT(seen.messages.size(), 24u);  // twice the budget while a summary is made
  EXPECT_EQ(seen.messages.front().role, llm::Role::user);
  EXPECT_EQ(seen.messages.back().content.reveal(), "This is message number 29 of a long conversation.");
  first->cache.drop(id);
  say(id, "After a restart the window is the same.");
  const auto again = last_reply();
  const auto begin = static_cast<std::size_t>(stored(id).window_start);
  EXPECT_EQ(again.messages.front().content, messages(id).at(begin).content);
}

TEST_F(TakeTurn, DecidesByRulesWhenTheAssessmentIsNonsense) {
  options.assessment = AssessmentMode::model;
  const auto id = start().conversation_id;
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    co_return first->model.answer(request, sink, request.schema != nullptr ? "{\"phase\":\"the end\"}" : "Go on.");
  };
  EXPECT_EQ(say(id, "Hello.")->turn->assessed_by, "rules");
}

TEST_F(TakeTurn, MovesOnWhenTheAssessmentSaysSo) {
  options.assessment = AssessmentMode::model;
  const auto id = start().conversation_id;
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    co_return first->model.answer(
        request, sink,
        request.schema != nullptr
            ? "```json\n{\"phase\":\"completion\",\"insights\":[\"You stay.\"],\"identified_values\":[\"craft\"],"
              "\"follow_up_question\":null,\"is_complete\":true,\"next_steps\":null}\n```"
            : "Go on.");
  };
  const auto reply = say(id, "I bake.");
  EXPECT_EQ(reply->turn->assessed_by, "model");
  EXPECT_EQ(reply->turn->phase, Phase::exploration) << "one step at most";
  EXPECT_FALSE(reply->turn->is_complete);
  EXPECT_EQ(stored(id).identified_values.front().reveal(), "craft");
}

TEST_F(TakeTurn, NeverWaitsForALateAssessmentForLong) {
  options.assessment = AssessmentMode::model;
  options.assessment_grace = 20ms;
  const auto id = start().conversation_id;
  llm::Gate never;
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    if (request.schema != nullptr) co_await never.wait();
    co_return first->model.answer(request, sink, "Go on.");
  };
  EXPECT_EQ(say(id, "Hello.")->turn->assessed_by, "rules");
}

TEST_F(TakeTurn, RefusesAnEmptyAnswer) {
  const auto id = start().conversation_id;
  first->model.answers = {" \n"};
  EXPECT_EQ(error_of([&] { say(id, "Hello."); }), Code::llm_error);
  EXPECT_EQ(messages(id).size(), 2u);
}

}  // namespace
}  // namespace coaching
