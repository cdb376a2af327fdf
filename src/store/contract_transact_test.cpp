// Conditions, all-or-nothing, counters, limits.
#include "store/contract_test.hpp"

namespace store {
namespace {

const Key kA{"p", "a"};
const Key kB{"p", "b"};

// One write of each kind on a key, with that condition.
std::vector<Write> every_kind(const Key& key, Condition when) {
  return {Put{.item = {.key = key, .version = 7, .body = "{}"}, .when = when}, Delete{.key = key, .when = when},
          Add{.key = key, .amounts = {1}, .when = when}, Check{.key = key, .when = when}};
}

TEST_P(StoreContract, ReturnsAnItemAsItWasPut) {
  const Item item{.key = kA,
                  .version = -3,
                  .body = R"({"text":"naïve 🙂 \u0000"})",
                  .counters = {42, -1, 0, 1'000'000'000'000, 5, 6},
                  .index = Key{"user", "2026"},
                  .expires_at_s = now_s() + 100};
  EXPECT_TRUE(transact({Put{.item = item, .when = {}}}).committed());
  EXPECT_EQ(get(kA), item);
  EXPECT_EQ(get(kB), std::nullopt);
}

TEST_P(StoreContract, ReplacesTheWholeItem) {
  transact({Put{.item = {.key = kA,
                         .version = 1,
                         .body = "{\"long\":true}",
                         .counters = {5, 6, 7, 8, 9, 10},
                         .index = Key{"u", "1"},
                         .expires_at_s = now_s() + 9},
                .when = {}}});
  const Item replacement{.key = kA, .version = 2, .body = "{}"};
  transact({Put{.item = replacement, .when = {}}});
  EXPECT_EQ(get(kA), replacement);
}

TEST_P(StoreContract, AcceptsEveryKindOfWriteWhenItsConditionHolds) {
  for (std::size_t kind = 0; kind < 4; ++kind) {
    const Key absent{"absent", std::to_string(kind)};
    const Key present{"present", std::to_string(kind)};
    const auto set_up = [&] { transact({Put{.item = small_item(present.partition, present.sort), .when = {}}}); };
    EXPECT_TRUE(transact({every_kind(absent, Condition::none())[kind]}).committed()) << kind;
    transact({Delete{.key = absent, .when = {}}});
    EXPECT_TRUE(transact({every_kind(absent, Condition::absent())[kind]}).committed()) << kind;
    for (const auto condition : {Condition::none(), Condition::exists(), Condition::version_is(1)}) {
      set_up();
      EXPECT_TRUE(transact({every_kind(present, condition)[kind]}).committed()) << kind;
    }
  }
}

TEST_P(StoreContract, RefusesEveryKindOfWriteWhenItsConditionDoesNotHold) {
  transact({Put{.item = small_item("p", "present"), .when = {}}});
  for (std::size_t kind = 0; kind < 4; ++kind) {
    const auto outcome_of = [&](const char* sort, Condition when) {
      return transact({every_kind(Key{"p", sort}, when)[kind]}).refused_by;
    };
    EXPECT_EQ(outcome_of("present", Condition::absent()), 0U) << kind;
    EXPECT_EQ(outcome_of("absent", Condition::exists()), 0U) << kind;
    EXPECT_EQ(outcome_of("absent", Condition::version_is(0)), 0U) << kind;
    EXPECT_EQ(outcome_of("present", Condition::version_is(2)), 0U) << kind;
  }
  EXPECT_EQ(get({"p", "present"}), small_item("p", "present"));
  EXPECT_EQ(get({"p", "absent"}), std::nullopt);
}

TEST_P(StoreContract, CheckChangesNothing) {
  EXPECT_TRUE(transact({Check{.key = kA, .when = Condition::absent()}}).committed());
  EXPECT_EQ(get(kA), std::nullopt);
}

TEST_P(StoreContract, KeepsNothingOfARefusedTransactionAndNamesTheFirstRefusedWrite) {
  transact({Put{.item = small_item("p", "old"), .when = {}}});
  const auto outcome = transact({Put{.item = small_item("p", "new"), .when = Condition::absent()},
                                 Delete{.key = {"p", "old"}, .when = Condition::exists()},
                                 Add{.key = {"p", "n"}, .amounts = {1}, .when = {}},
                                 Check{.key = {"p", "missing"}, .when = Condition::exists()},
                                 Check{.key = {"p", "missing2"}, .when = Condition::exists()}});
  EXPECT_EQ(outcome.refused_by, 3U);
  EXPECT_FALSE(outcome.committed());
  EXPECT_EQ(sorts_of(query({.partition = "p"})), std::vector<std::string>{"old"});
}

TEST_P(StoreContract, CommitsAllWritesOfATransaction) {
  transact({Put{.item = small_item("p", "old"), .when = {}}});
  EXPECT_TRUE(transact({Put{.item = small_item("p", "new"), .when = Condition::absent()},
                        Delete{.key = {"p", "old"}, .when = Condition::exists()},
                        Add{.key = {"p", "n"}, .amounts = {4}, .when = {}}})
                  .committed());
  EXPECT_EQ(sorts_of(query({.partition = "p"})), (std::vector<std::string>{"n", "new"}));
}

TEST_P(StoreContract, MovesAVersionOnOnlyFromTheOneThatWasRead) {
  transact({Put{.item = small_item("p", "a", 1), .when = Condition::absent()}});
  EXPECT_TRUE(transact({Put{.item = small_item("p", "a", 2), .when = Condition::version_is(1)}}).committed());
  EXPECT_FALSE(transact({Put{.item = small_item("p", "a", 2), .when = Condition::version_is(1)}}).committed());
  EXPECT_EQ(get(kA)->version, 2);
}

TEST_P(StoreContract, DeletingNothingIsNoFailure) {
  EXPECT_TRUE(transact({Delete{.key = kA, .when = {}}}).committed());
}

TEST_P(StoreContract, AddMakesTheItemWhenItIsAbsent) {
  EXPECT_TRUE(transact({Add{.key = kA, .amounts = {-4}, .when = {}, .expires_at_s = now_s() + 60}}).committed());
  EXPECT_EQ(get(kA), (Item{.key = kA, .version = 0, .body = "{}", .counters = {-4}, .expires_at_s = now_s() + 60}));
}

TEST_P(StoreContract, AddChangesCountersAndNothingElse) {
  Item item{.key = kA, .version = 3, .body = "{\"x\":1}", .counters = {10, 1}, .index = Key{"u", "1"}};
  item.expires_at_s = now_s() + 60;
  transact({Put{.item = item, .when = {}}});
  transact({Add{.key = kA, .amounts = {5, 0, -2}, .when = Condition::version_is(3), .expires_at_s = 1}});
  item.counters = {15, 1, -2};
  EXPECT_EQ(get(kA), item);
}

TEST_P(StoreContract, AddTakesEachCounterByItself) {
  transact({Add{.key = kA, .amounts = {1, 2, 3, 4, 5, 6}, .when = {}}});
  transact({Add{.key = kA, .amounts = {10, 20, 30, 40, 50, -60}, .when = {}}});
  EXPECT_EQ(get(kA)->counters, (Counters{11, 22, 33, 44, 55, -54}));
  EXPECT_EQ(query({.partition = "p"}).items.at(0).counters, (Counters{11, 22, 33, 44, 55, -54}));
}

TEST_P(StoreContract, OnlyTheFirstCounterHasALimit) {
  transact({Add{.key = kA, .amounts = {1, 100}, .when = {}}});
  EXPECT_TRUE(transact({Add{.key = kA, .amounts = {1, 100}, .when = Condition::at_most(1)}}).committed());
  EXPECT_FALSE(transact({Add{.key = kA, .amounts = {0, 100}, .when = Condition::at_most(1)}}).committed());
  EXPECT_EQ(get(kA)->counters, (Counters{2, 200}));
}

TEST_P(StoreContract, AddStopsAtItsLimit) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(transact({Add{.key = kA, .amounts = {1}, .when = Condition::at_most(2)}}).committed()) << i;
  }
  EXPECT_FALSE(transact({Add{.key = kA, .amounts = {1}, .when = Condition::at_most(2)}}).committed());
  EXPECT_FALSE(transact({Add{.key = kB, .amounts = {1}, .when = Condition::at_most(-1)}}).committed());
  EXPECT_EQ(get(kA)->counters[0], 3);
  EXPECT_EQ(get(kB), std::nullopt);
}

TEST_P(StoreContract, TakesAsMuchAsTheLimitsAllow) {
  Item big{.key = kA, .version = 1, .body = "", .index = Key{"u", "1"}};
  big.body.assign(kMaxItemBytes - 4, 'x');  // the keys have four bytes
  EXPECT_TRUE(transact({Put{.item = big, .when = {}}}).committed());
  EXPECT_EQ(get(kA), big);
  std::vector<Write> writes;
  for (std::size_t i = 0; i < kMaxWrites; ++i)
    writes.push_back(Add{.key = {"many", std::to_string(i)}, .amounts = {1}});
  EXPECT_TRUE(transact(writes).committed());
  EXPECT_EQ(wait_for(store().count({.partition = "many"})), 100);
  EXPECT_TRUE(
      transact({Put{.item = small_item(std::string(2048, 'p'), std::string(1024, 's')), .when = {}}}).committed());
  EXPECT_TRUE(get({std::string(2048, 'p'), std::string(1024, 's')}));
}

TEST_P(StoreContract, RejectsWhatBreaksALimitAndWritesNothing) {
  const auto rejected = [&](std::vector<Write> writes) {
    try {
      transact(std::move(writes));
      return false;
    } catch (const base::Error& error) {
      return error.code == base::Code::internal_error;
    }
  };
  Item big = small_item("p", "big");
  big.body.assign(kMaxItemBytes, 'x');
  EXPECT_TRUE(rejected({Put{.item = small_item("p", "ok"), .when = {}}, Put{.item = big, .when = {}}}));
  EXPECT_TRUE(rejected({Delete{.key = kA, .when = {}}, Put{.item = small_item("p", "a"), .when = {}}}));
  EXPECT_TRUE(rejected({}));
  EXPECT_TRUE(rejected({Put{.item = small_item("", "a"), .when = {}}}));
  EXPECT_TRUE(rejected({Put{.item = small_item("p", ""), .when = {}}}));
  EXPECT_TRUE(rejected({Put{.item = small_item("p", std::string(1025, 's')), .when = {}}}));
  EXPECT_TRUE(rejected({Put{.item = small_item("p", "\xff"), .when = {}}}));
  EXPECT_TRUE(rejected({Delete{.key = kA, .when = Condition::at_most(1)}}));
  std::vector<Write> writes;
  for (std::size_t i = 0; i <= kMaxWrites; ++i) writes.push_back(Add{.key = {"p", std::to_string(i)}, .amounts = {1}});
  EXPECT_TRUE(rejected(writes));
  writes.pop_back();
  std::get<Add>(writes.back()).key.sort = "0";
  EXPECT_TRUE(rejected(writes));
  EXPECT_EQ(wait_for(store().count({.partition = "p"})), 0);
}

TEST_P(StoreContract, TreatsAnExpiredItemAsAbsentInConditions) {
  const auto put_expiring = [&] {
    auto item = small_item("p", "a");
    item.counters = {9, 9, 9};
    item.index = Key{"u", "1"};
    item.expires_at_s = now_s() + 10;
    transact({Put{.item = item, .when = {}}});
    clock_.advance(std::chrono::seconds(10));
  };
  put_expiring();
  EXPECT_FALSE(transact({Check{.key = kA, .when = Condition::exists()}}).committed());
  EXPECT_FALSE(transact({Check{.key = kA, .when = Condition::version_is(1)}}).committed());
  EXPECT_TRUE(transact({Check{.key = kA, .when = Condition::absent()}}).committed());
  EXPECT_TRUE(transact({Add{.key = kA, .amounts = {2}, .when = Condition::at_most(0)}}).committed());
  EXPECT_EQ(get(kA), (Item{.key = kA, .version = 0, .body = "{}", .counters = {2}}));
  put_expiring();
  EXPECT_TRUE(transact({Put{.item = small_item("p", "a", 5), .when = Condition::absent()}}).committed());
  EXPECT_EQ(get(kA), small_item("p", "a", 5));
}

}  // namespace
}  // namespace store
