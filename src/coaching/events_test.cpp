#include "coaching/events.hpp"

#include "coaching/job_runner.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

class Events : public testing::Test {
 protected:
  Event happen(std::string_view type, Owner owner = {"bakery", "ines"}) {
    std::vector<store::Write> writes;
    const base::json::object data{{"conversation_id", "conv_1"}};
    auto event = world.run(add_event(coaching(), std::move(owner), type, data, writes));
    commit(std::move(writes));
    return event;
  }
  void commit(std::vector<store::Write> writes) { world.run(world.store->transact(std::move(writes))); }
  EventFeed feed(bool whole_tenant = false, std::string after = "", Owner owner = {"bakery", "ines"}) {
    return {coaching(), std::move(owner), whole_tenant, std::move(after)};
  }
  std::vector<std::string> types(EventFeed& from) {
    std::vector<std::string> types;
    for (const auto& event : world.run(from.next())) types.push_back(event.type);
    return types;
  }
  using Types = std::vector<std::string>;
  const Coaching& coaching() { return world.first->coaching; }

  World world;
};

TEST_F(Events, AreReadOnceAndFromNowOn) {
  happen("a.before");
  auto reader = feed();
  EXPECT_EQ(types(reader), Types{});
  happen("a.first");
  happen("a.second");
  EXPECT_EQ(types(reader), (Types{"a.first", "a.second"}));
  EXPECT_EQ(types(reader), Types{});
  world.clock.advance(base::Milliseconds(60'000));
  EXPECT_EQ(types(reader), Types{});
  happen("a.third");
  EXPECT_EQ(types(reader), Types{"a.third"});
}

TEST_F(Events, GoOnAfterTheOneThatWasSeen) {
  const auto first = happen("a.first");
  happen("a.second");
  const auto third = happen("a.third");
  auto reader = feed(false, first.event_id);
  EXPECT_EQ(types(reader), (Types{"a.second", "a.third"}));
  EXPECT_EQ(reader.position(), third.event_id);
}

TEST_F(Events, AreTheirOwnersAlone) {
  auto ines = feed(), otto = feed(false, "", {"bakery", "otto"}), boss = feed(true),
       other = feed(true, "", {"brewery", "ines"});
  happen("a.mine");
  happen("a.his", {"bakery", "otto"});
  EXPECT_EQ(types(ines), Types{"a.mine"});
  EXPECT_EQ(types(otto), Types{"a.his"});
  EXPECT_EQ(types(boss), (Types{"a.mine", "a.his"}));
  EXPECT_EQ(types(other), Types{});
}

TEST_F(Events, AreNotLostWhenATransactionTakesLonger) {
  auto reader = feed();
  std::vector<store::Write> slow;
  const auto late = world.run(add_event(coaching(), world.owner, "a.late", {}, slow));
  world.clock.advance(base::Milliseconds(5));
  const auto fast = happen("a.fast");
  EXPECT_EQ(types(reader), Types{"a.fast"});
  commit(std::move(slow));
  EXPECT_LT(late.event_id, fast.event_id);
  EXPECT_EQ(types(reader), Types{"a.late"});
  EXPECT_EQ(reader.position(), fast.event_id);
}

TEST_F(Events, ComeByPagesWhenThereAreMany) {
  auto reader = feed();
  for (int i = 0; i < 2'500; ++i) happen("a.many");
  std::size_t got = 0;
  for (auto more = types(reader); !more.empty(); more = types(reader)) got += more.size();
  EXPECT_EQ(got, 2'500u);
}

TEST_F(Events, AreKeptForAWhile) {
  const auto first = happen("a.first");
  happen("a.second");
  world.clock.advance(world.options.events.retention + base::Milliseconds(2'000));
  auto reader = feed(false, first.event_id);
  EXPECT_EQ(types(reader), Types{});
}

TEST_F(Events, TellHowAConversationEnded) {
  auto reader = feed(true);
  const auto older = world.start();
  const auto id = world.start().conversation_id;
  world.say(id, "We bake bread that people remember.");
  world.run(complete_conversation(coaching(), world.owner, id, {}));
  const auto events = world.run(reader.next());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].type, kConversationAbandoned);
  EXPECT_EQ(events[0].data.at("conversation_id"), base::json::value(older.conversation_id));
  EXPECT_EQ(events[1].type, kConversationNeedsReview);
  EXPECT_EQ(events[1].owner, world.owner);
  const base::json::object data{{"conversation_id", id}, {"topic", "core_values"}, {"status", "needs_review"}};
  EXPECT_EQ(events[1].data, data);
}

TEST_F(Events, TellHowAJobEndedThatItsOwnerKnowsOf) {
  world.options.job_attempts = 1;
  auto reader = feed();
  for (const bool listed : {true, false}) {
    auto job = new_job(coaching(), "of a newer program", world.owner, "anls_1", "alignment");
    job.listed = listed;
    commit({put_job(job, 1, store::Condition::absent())});
    const auto live = start_job(coaching(), world.io.get_executor(), job.job_id);
    ASSERT_TRUE(live);
    world.run(live->wait_until_over(base::Milliseconds(20'000)));
    const auto events = world.run(reader.next());
    ASSERT_EQ(events.size(), listed ? 1u : 0u);
    if (!listed) continue;
    EXPECT_EQ(events[0].type, kJobFailed);
    EXPECT_EQ(events[0].data.at("job_id"), base::json::value(job.job_id));
    EXPECT_EQ(events[0].data.at("reference"), "anls_1");
    EXPECT_EQ(events[0].data.at("error"), "internal_error");
  }
}

TEST_F(Events, WakeWhoListens) {
  auto& hub = world.first->event_hub;
  const Owner otto{"bakery", "otto"};
  const auto ines = hub.listen(world.owner, false, world.options.events);
  const auto boss = hub.listen(otto, true, world.options.events);
  bool woken = false;
  auto ticket = boss->bell.draw(world.io.get_executor());
  boost::asio::co_spawn(world.io, ticket.wait(base::Milliseconds(20'000)),
                        [&](const std::exception_ptr&) { woken = true; });
  world.run(announce(coaching(), happen("a.mine")));
  world.drive([&] { return woken; });
  EXPECT_EQ(hub.size(), 2u);
}

TEST_F(Events, HaveABoundedNumberOfListeners) {
  auto& hub = world.first->event_hub;
  EventOptions few;
  few.streams_per_user = 2;
  few.streams = 3;
  const Owner otto{"bakery", "otto"};
  auto first = hub.listen(world.owner, false, few);
  const auto second = hub.listen(world.owner, true, few);
  EXPECT_EQ(world.error_of([&] { hub.listen(world.owner, false, few); }), base::Code::rate_limit_exceeded);
  const auto third = hub.listen(otto, false, few);
  EXPECT_EQ(world.error_of([&] { hub.listen({"brewery", "mia"}, false, few); }), base::Code::dependency_unavailable);
  EXPECT_TRUE(world.last_error->retry_after);
  first.reset();
  const auto again = hub.listen(world.owner, false, few);
  EXPECT_EQ(hub.size(), 3u);
  hub.close();
  EXPECT_TRUE(hub.closed());
  EXPECT_EQ(world.error_of([&] { hub.listen(otto, false, few); }), base::Code::shutting_down);
}

}  // namespace
}  // namespace coaching
