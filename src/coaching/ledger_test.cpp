#include "coaching/ledger.hpp"

#include <atomic>
#include <thread>

#include "coaching/ask.hpp"
#include "coaching/budgets.hpp"
#include "coaching/sweep.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;
using namespace std::chrono_literals;

constexpr double kMicro = 1e-6;

struct Ledger : testing::Test, World {
  Ledger() { first->model.usd_per_token = kMicro; }

  std::vector<store::Item> items(const std::string& partition) {
    store::Query query;
    query.partition = partition;
    query.limit = 1000;
    return run(store->query(query)).items;
  }
  std::vector<store::Item> books() { return items(books_partition(owner.tenant_id)); }
  store::Counters booked() {
    store::Counters sum{};
    for (const auto& item : books()) {
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += item.counters[i];
    }
    return sum;
  }
  // Spent and reserved, and of it spent.
  std::pair<std::int64_t, std::int64_t> budget(Budget which) {
    const auto item = run(store->get(budget_key(which, owner, day_of(clock.now()))));
    return item ? std::pair(item->counters[0], item->counters[1]) : std::pair<std::int64_t, std::int64_t>{0, 0};
  }
  void expect_settled(Budget which = Budget::user_day_usd) {
    const auto [held_and_spent, spent] = budget(which);
    EXPECT_EQ(held_and_spent, spent);
    EXPECT_EQ(spent, booked()[kMicroUsd]);
  }
  void hold_back(Instance& instance, llm::Gate& gate) {
    instance.model.on_complete = [&instance, &gate](const llm::Request& request,
                                                    const llm::Sink& sink) -> Task<llm::Reply> {
      co_await gate.wait();
      co_return instance.model.answer(request, sink, "Held back.");
    };
  }
  // Until what other coroutines do has come to rest in the store.
  void settle_down(const std::function<bool()>& done) {
    for (int i = 0; i < 2000 && !done(); ++i) io.restart(), io.run_for(1ms);
    EXPECT_TRUE(done());
  }
};

TEST_F(Ledger, ChargesEachCallToItsTenantUserTopicModelAndDay) {
  owner = {"bakery #1", "i%nes#"};
  first->model.answers = {"Welcome.", "What moved you most?"};
  const auto id = start().conversation_id;
  const auto reply = say(id, "We baked through the night.");
  const auto all = books();
  ASSERT_EQ(all.size(), 1u);
  const auto key = books_key_of(all[0].key.sort);
  EXPECT_EQ(key.day, "2026-01-01");
  EXPECT_EQ(key.user_id, "i%nes#");
  EXPECT_EQ(key.topic, "core_values");
  EXPECT_EQ(key.model, "scripted-1");
  EXPECT_EQ(all[0].counters[kCalls], 2);
  EXPECT_EQ(all[0].counters[kCompletionTokens], llm::estimate_tokens("Welcome.") + reply->turn->completion_tokens);
  EXPECT_GT(all[0].counters[kPromptTokens], reply->turn->prompt_tokens);
  EXPECT_EQ(all[0].counters[kMicroUsd], all[0].counters[kPromptTokens] + all[0].counters[kCompletionTokens]);
  EXPECT_EQ(all[0].counters[kEstimatedCalls], 0);
  clock.advance(24h);
  say(id, "And again.");
  EXPECT_EQ(books().size(), 2u);
}

TEST_F(Ledger, ChargesATurnForItsAssessmentToo) {
  options.assessment = AssessmentMode::model;
  const auto id = start().conversation_id;
  const auto before = booked();
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    const bool assessing = request.purpose == llm::Purpose::assessment;
    co_return first->model.answer(request, sink, assessing ? R"({"phase":"exploration"})" : "Go on.");
  };
  const auto reply = say(id, "Flour on every table.");
  const auto& turn = *reply->turn;
  ASSERT_EQ(turn.charges.size(), 2u);
  EXPECT_EQ(turn.charges[0].purpose, llm::Purpose::reply);
  EXPECT_EQ(turn.charges[1].purpose, llm::Purpose::assessment);
  EXPECT_EQ(turn.prompt_tokens, turn.charges[0].prompt_tokens + turn.charges[1].prompt_tokens);
  EXPECT_DOUBLE_EQ(turn.cost_usd, usd(turn.charges[0].micro_usd + turn.charges[1].micro_usd));
  const auto after = booked();
  EXPECT_EQ(after[kCalls] - before[kCalls], 2);
  EXPECT_EQ(after[kMicroUsd] - before[kMicroUsd], turn.charges[0].micro_usd + turn.charges[1].micro_usd);
  EXPECT_EQ(messages(id).back().turn->charges.size(), 2u);
}

TEST_F(Ledger, ChargesAnAssessmentThatWasGivenUpByItself) {
  options.assessment = AssessmentMode::model;
  options.assessment_grace = 1ms;
  const auto id = start().conversation_id;
  const auto before = booked();
  llm::Gate never;
  first->model.on_complete = [&](const llm::Request& request, const llm::Sink& sink) -> Task<llm::Reply> {
    if (request.purpose == llm::Purpose::assessment) co_await never.wait();
    co_return first->model.answer(request, sink, "Go on.");
  };
  EXPECT_EQ(say(id, "Flour on every table.")->turn->charges.size(), 1u);
  settle_down([&] { return booked()[kCalls] - before[kCalls] == 2; });
  EXPECT_EQ(booked()[kEstimatedCalls] - before[kEstimatedCalls], 1);
}

TEST_F(Ledger, ReservesNothingWhenNoBudgetIsSet) {
  const auto id = start().conversation_id;
  llm::Gate gate;
  hold_back(*first, gate);
  const auto live = take(id, message("Hello."));
  EXPECT_FALSE(stored(id).open_turn->reservation);
  gate.open();
  run(live->wait_for_reply());
  EXPECT_TRUE(items("budget#bakery#ines").empty());
}

TEST_F(Ledger, RefusesACallThatABudgetDoesNotAllowAndSaysWhich) {
  options.budgets.user.day_usd = 1;
  const auto id = start().conversation_id;
  const auto spent = budget(Budget::user_day_usd);
  options.budgets.user.day_usd = 0.0001;
  const auto asked = first->model.seen().size();
  EXPECT_EQ(error_of([&] { say(id, "Hello."); }), Code::quota_exceeded);
  EXPECT_EQ(last_error->message,
            "your daily budget of 0.0001 USD leaves too little for another answer; it starts anew at "
            "2026-01-02T00:00:00.000Z");
  EXPECT_EQ(
      last_error->details,
      (base::json::value{{"budget", "user_day_usd"}, {"limit", 0.0001}, {"resets_at", "2026-01-02T00:00:00.000Z"}}));
  EXPECT_EQ(last_error->retry_after, 24h);
  EXPECT_EQ(first->model.seen().size(), asked);
  EXPECT_EQ(messages(id).size(), 1u);
  EXPECT_FALSE(stored(id).open_turn);
  EXPECT_EQ(budget(Budget::user_day_usd), spent);
  EXPECT_EQ(error_of([&] { start("purpose"); }), Code::quota_exceeded);
  options.budgets.user.day_usd = 1;
  say(id, "Hello.");
  expect_settled();
}

TEST_F(Ledger, ATenantsTokensAreABudgetToo) {
  options.budgets.tenant.month_tokens = 5000;
  const auto id = start().conversation_id;
  first->model.answers = {std::string(4000, 'x')};
  for (int i = 0; i < 20 && !last_error; ++i) {
    try {
      say(id, "Go on " + std::to_string(i));
    } catch (const Error& error) {
      last_error = error;
    }
  }
  ASSERT_TRUE(last_error);
  EXPECT_EQ(last_error->code, Code::quota_exceeded);
  EXPECT_TRUE(last_error->message.starts_with("your organisation's monthly budget of 5000 tokens"))
      << last_error->message;
  EXPECT_EQ(last_error->details.at("resets_at"), "2026-02-01T00:00:00.000Z");
  owner.user_id = "otto";
  EXPECT_EQ(error_of([&] { start(); }), Code::quota_exceeded);
  clock.advance(31 * 24h);
  start();
}

TEST_F(Ledger, ATurnHoldsItsReservationUntilItsCommit) {
  options.budgets.user.day_usd = 1;
  const auto id = start().conversation_id;
  expect_settled();
  llm::Gate gate;
  hold_back(*first, gate);
  const auto live = take(id, message("Hello."));
  ASSERT_TRUE(stored(id).open_turn->reservation);
  const auto reserved = stored(id).open_turn->reservation->micro_usd;
  EXPECT_GT(reserved, llm_options.max_tokens);
  const auto [held_and_spent, spent] = budget(Budget::user_day_usd);
  EXPECT_EQ(held_and_spent - spent, reserved);
  gate.open();
  run(live->wait_for_reply());
  expect_settled();
}

TEST_F(Ledger, WhatWasReservedComesBackHoweverATurnEnds) {
  options.budgets.user.day_usd = 1;
  llm::Gate gate;
  const auto begin = [&](const char* text) {
    first->model.on_complete = nullptr;
    const auto id = start().conversation_id;
    hold_back(*first, gate);
    const auto live = take(id, message(text));
    const auto [held_and_spent, spent] = budget(Budget::user_day_usd);
    EXPECT_GT(held_and_spent, spent);
    return id;
  };
  const auto come_to_rest = [&] {
    settle_down([&] { return first->live_turns.size() == 0; });
    expect_settled();
  };
  run(cancel_conversation(first->coaching, owner, begin("one")));
  come_to_rest();
  run(delete_conversation(first->coaching, owner, begin("two")));
  come_to_rest();
  begin("three");
  first->model.on_complete = nullptr;
  start();  // abandons it
  come_to_rest();
  const auto id = start().conversation_id;
  const auto calls = booked()[kCalls];
  first->model.on_complete = [](const llm::Request&, const llm::Sink&) -> Task<llm::Reply> {
    throw Error(Code::llm_unavailable, "away");
    co_return llm::Reply{};
  };
  error_of([&] { say(id, "four"); });
  come_to_rest();
  EXPECT_EQ(booked()[kCalls], calls);  // nobody was reached
}

TEST_F(Ledger, ACallCutOffAfterTextCameIsChargedByEstimate) {
  options.budgets.user.day_tokens = 1'000'000;
  const auto id = start().conversation_id;
  const auto before = booked();
  first->model.on_complete = [](const llm::Request&, const llm::Sink& sink) -> Task<llm::Reply> {
    sink("Twelve bytes");
    throw Error(Code::llm_unavailable, "the stream broke");
    co_return llm::Reply{};
  };
  auto request = message("Hello.");
  request.stream = true;
  EXPECT_EQ(error_of([&] { run(take(id, request)->wait_for_reply()); }), Code::llm_unavailable);
  const auto after = booked();
  EXPECT_EQ(after[kEstimatedCalls] - before[kEstimatedCalls], 1);
  EXPECT_EQ(after[kCompletionTokens] - before[kCompletionTokens], 3);
  EXPECT_GT(after[kPromptTokens] - before[kPromptTokens], 100);
  EXPECT_EQ(budget(Budget::user_day_tokens).first, after[kPromptTokens] + after[kCompletionTokens]);
}

TEST_F(Ledger, ATurnRetriedAfterACrashIsChargedOnce) {
  options.budgets.user.day_usd = 1;
  const auto id = start().conversation_id;
  const auto before = booked();
  llm::Gate never;
  hold_back(*first, never);
  take(id, message("Hello."));  // its process is never heard of again
  const auto reserved = budget(Budget::user_day_usd);
  const auto second = make_instance();
  second->model.usd_per_token = kMicro;
  clock.advance(options.turn_lease + 1s);
  const auto live = run(take_over(second->coaching, id, false));
  ASSERT_TRUE(live);
  EXPECT_EQ(budget(Budget::user_day_usd), reserved);
  const auto reply = run(live->wait_for_reply());
  EXPECT_EQ(booked()[kCalls] - before[kCalls], 1);
  EXPECT_EQ(booked()[kMicroUsd] - before[kMicroUsd], micro_usd(reply->turn->cost_usd));
  expect_settled();
  // Should the first one live after all, its call did cost something, but its reservation is gone already.
  never.open();
  settle_down([&] { return first->live_turns.size() == 0; });
  EXPECT_EQ(booked()[kCalls] - before[kCalls], 2);
  expect_settled();
}

TEST_F(Ledger, WhatADeadProcessHeldComesBackAfterItsLease) {
  options.budgets.user.day_usd = 1;
  llm::Gate never;
  hold_back(*first, never);
  std::exception_ptr failure;
  bool started = false;
  boost::asio::co_spawn(io,
                        start_conversation(first->coaching, owner, StartRequest{"core_values", {}, "en", "free", {}}),
                        [&](const std::exception_ptr& error, const Started&) {
                          failure = error;
                          started = true;
                        });
  drive([&] { return never.arrived() == 1; });
  EXPECT_GT(budget(Budget::user_day_usd).first, 0);
  const auto second = make_instance();
  run(sweep(second->coaching, false));
  EXPECT_GT(budget(Budget::user_day_usd).first, 0);
  clock.advance(options.budgets.lease + 1ms);
  run(sweep(second->coaching, false));
  expect_settled();
  EXPECT_EQ(budget(Budget::user_day_usd).first, 0);
  // It was only slow: what it has cost is spent, and nothing is given back twice.
  never.open();
  drive([&] { return started; });
  EXPECT_FALSE(failure);
  EXPECT_EQ(booked()[kCalls], 1);
  expect_settled();
}

TEST_F(Ledger, AtItsStartTheOnlyProcessGivesBackWhatTheOneBeforeHeld) {
  options.budgets.tenant.day_tokens = 100'000;
  llm::Gate never;
  hold_back(*first, never);
  boost::asio::co_spawn(io,
                        start_conversation(first->coaching, owner, StartRequest{"core_values", {}, "en", "free", {}}),
                        boost::asio::detached);
  drive([&] { return never.arrived() == 1; });
  EXPECT_GT(budget(Budget::tenant_day_tokens).first, 0);
  clock.advance(10ms);
  const auto second = make_instance();
  run(sweep(second->coaching, true));
  EXPECT_EQ(budget(Budget::tenant_day_tokens), std::pair(std::int64_t{0}, std::int64_t{0}));
  never.open();
  settle_down([&] { return booked()[kCalls] == 1; });
}

TEST(Budgets, OfATierTakeThePlaceOfEverybodys) {
  BudgetOptions options;
  options.user = {.day_usd = 1, .month_tokens = 100};
  options.premium = {.day_usd = 5, .month_tokens = -1};
  options.tenant = {.month_usd = 50};
  const auto names = [](const std::vector<Limit>& limits) {
    std::string text;
    for (const auto& limit : limits)
      text += std::string(base::name_of(limit.budget)) + "=" + std::to_string(limit.most) + " ";
    return text;
  };
  EXPECT_EQ(names(limits_for(options, "free")),
            "user_day_usd=1000000 user_month_tokens=100 tenant_month_usd=50000000 ");
  EXPECT_EQ(names(limits_for(options, "premium")), "user_day_usd=5000000 tenant_month_usd=50000000 ");
  EXPECT_TRUE(limits_for(BudgetOptions{}, "free").empty());
}

TEST(Budgets, EndWithTheDayAndTheMonthOfUtc) {
  EXPECT_EQ(base::format_time(period_end(Budget::user_day_usd, "2026-12-31")), "2027-01-01T00:00:00.000Z");
  EXPECT_EQ(base::format_time(period_end(Budget::tenant_month_tokens, "2026-12-05")), "2027-01-01T00:00:00.000Z");
  EXPECT_EQ(base::format_time(period_end(Budget::tenant_month_tokens, "2028-02-29")), "2028-03-01T00:00:00.000Z");
}

TEST(MicroUsd, KeepWhatADoubleSays) {
  EXPECT_EQ(micro_usd(0.1 + 0.2), 300'000);
  EXPECT_EQ(micro_usd(0.0000004), 0);
  EXPECT_EQ(usd(1), 0.000001);
}

// Many at once, on two instances and four threads: what is spent and reserved is looked at all the while.
struct Hammer : Ledger {
  static constexpr int kThreads = 4;
  static constexpr int kAsking = 8;  // coroutines of each thread
  static constexpr int kCalls_ = 25;  // of each coroutine

  Task<> ask(const Instance& instance, std::uint64_t seed) {
    base::FakeRandom chance(seed);
    for (int i = 0; i < kCalls_; ++i) {
      const Account account{{"bakery", "user" + std::to_string(chance.next() % 3)}, "core_values", "free", "conv_1"};
      llm::Request request;
      request.system = base::PrivateText(std::string(40 + chance.next() % 400, 's'));
      request.max_tokens = 100;
      try {
        co_await ask_model(instance.coaching, account, request);
        ++answered;
      } catch (const Error& error) {
        (error.code == Code::quota_exceeded ? refused : failed) += 1;
      }
    }
  }
  // The model's answer takes between nothing and all of what was reserved; now and then there is none.
  void make_moody(Instance& instance) {
    instance.model.usd_per_token = kMicro;
    instance.model.on_complete = [this, &instance](const llm::Request& request,
                                                   const llm::Sink& sink) -> Task<llm::Reply> {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1ms);
      const auto luck = random.next() % 10;
      if (luck > 6) co_await timer.async_wait(boost::asio::use_awaitable);
      if (luck == 0) throw Error(Code::llm_unavailable, "away");
      co_return instance.model.answer(request, sink, std::string(luck * 40, 'a'));
    };
  }
  void watch(Budget which, const std::string& user, std::int64_t limit) {
    const auto item = store::Key(budget_key(which, {"bakery", user}, day_of(clock.now())));
    boost::asio::io_context own;
    boost::asio::co_spawn(
        own, store->get(item), [&](const std::exception_ptr&, const std::optional<store::Item>& found) {
          if (!found) return;
          if (found->counters[0] > limit || found->counters[1] < 0 || found->counters[0] < found->counters[1])
            ++breaches;
        });
    own.run();
  }

  std::atomic<int> answered = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> breaches = 0;
};

TEST_F(Hammer, NoBudgetIsEverExceededAndEverythingIsSettledInTheEnd) {
  options.budgets.user.day_usd = 25'000 * kMicro;
  options.budgets.tenant.day_tokens = 60'000;
  const auto second = make_instance();
  make_moody(*first);
  make_moody(*second);
  std::atomic<bool> over = false;
  std::thread watching([&] {
    while (!over) {
      watch(Budget::tenant_day_tokens, "", 60'000);
      watch(Budget::user_day_usd, "user1", 25'000);
    }
  });
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      boost::asio::io_context own(1);
      for (int i = 0; i < kAsking; ++i) {
        boost::asio::co_spawn(own,
                              ask(thread % 2 == 0 ? *first : *second, static_cast<std::uint64_t>(thread * 100 + i)),
                              boost::asio::detached);
      }
      own.run();
    });
  }
  for (auto& thread : threads) thread.join();
  over = true;
  watching.join();
  EXPECT_EQ(breaches, 0);
  EXPECT_GT(answered, 50);
  EXPECT_GT(refused, 50);
  EXPECT_GT(failed, 5);
  EXPECT_EQ(booked()[kCalls], answered);
  std::int64_t of_users = 0;
  for (const auto* user : {"user0", "user1", "user2"}) {
    owner.user_id = user;
    const auto [held_and_spent, spent] = budget(Budget::user_day_usd);
    EXPECT_EQ(held_and_spent, spent) << user;
    EXPECT_LE(spent, 25'000);
    of_users += spent;
  }
  EXPECT_EQ(of_users, booked()[kMicroUsd]);
  const auto [held_and_spent, spent] = budget(Budget::tenant_day_tokens);
  EXPECT_EQ(held_and_spent, spent);
  EXPECT_EQ(spent, booked()[kPromptTokens] + booked()[kCompletionTokens]);
  EXPECT_LE(spent, 60'000);
  EXPECT_GT(spent, 55'000);  // refused for want of money, not out of caution
  store::Query holds;
  holds.partition = kHolds;
  EXPECT_TRUE(run(store->query_index(holds)).items.empty());
}

TEST_F(Hammer, TurnsOfOneTenantNeverExceedItsBudget) {
  first->model.on_complete = nullptr;
  std::vector<std::pair<Owner, std::string>> conversations;
  for (int i = 0; i < 24; ++i) {
    owner.user_id = "user" + std::to_string(i);
    conversations.emplace_back(owner, start().conversation_id);
  }
  const auto opened = booked()[kMicroUsd];
  options.budgets.tenant.day_usd = 20'000 * kMicro;  // some turns' worth of reservations
  const auto second = make_instance();
  second->model.usd_per_token = kMicro;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      boost::asio::io_context own(1);
      for (std::size_t i = static_cast<std::size_t>(thread); i < conversations.size(); i += 2) {
        boost::asio::co_spawn(
            own,
            [](Hammer& hammer, const Instance& instance, Owner who, std::string id) -> Task<> {
              for (int turn = 0; turn < 5; ++turn) {
                try {
                  const auto live =
                      co_await take_turn(instance.coaching, who, id, message("Turn " + std::to_string(turn)));
                  co_await live->wait_for_reply();
                  ++hammer.answered;
                } catch (const Error& error) {
                  (error.code == Code::quota_exceeded ? hammer.refused : hammer.failed) += 1;
                }
              }
            }(*this, thread == 0 ? *first : *second, conversations[i].first, conversations[i].second),
            boost::asio::detached);
      }
      own.run();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(answered, 5);
  EXPECT_GT(refused, 5);
  const auto [held_and_spent, spent] = budget(Budget::tenant_day_usd);
  EXPECT_EQ(held_and_spent, spent);
  EXPECT_LE(spent, 20'000);
  EXPECT_EQ(spent, booked()[kMicroUsd] - opened);
}

}  // namespace
}  // namespace coaching
