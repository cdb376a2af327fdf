// Ranges, pages, order, the secondary index, expiry in reads.
#include "store/contract_test.hpp"

namespace store {
namespace {

using Sorts = std::vector<std::string>;

void put_sorts(Store& store, const Sorts& sorts) {
  for (const auto& sort : sorts) wait_for(store.transact({Put{.item = small_item("p", sort), .when = {}}}));
}

Item indexed(std::string sort, std::string index_sort, std::string index_partition = "u") {
  auto item = small_item("p", std::move(sort));
  item.index = Key{std::move(index_partition), std::move(index_sort)};
  return item;
}

// Follows the pages to the end.
template <class Ask>
std::vector<Sorts> pages_of(Query query, bool by_index, Ask ask) {
  std::vector<Sorts> pages;
  while (true) {
    const Page page = ask(query);
    pages.push_back(sorts_of(page));
    if (!page.more || pages.size() > 20) return pages;
    query.after = by_index ? page.items.back().index->sort : page.items.back().key.sort;
  }
}

TEST_P(StoreContract, OrdersByTheBytesOfTheSortKey) {
  // In the order of their bytes; neither language nor length nor signedness of char matter.
  const Sorts ordered{std::string("\0", 1), "!", "10", "9", "A", "Z", "a", "a\x01", "aa", "b", "z\x7f", "é", "中",
                      "\xEF\xBF\xBD",       "🙂"};
  Sorts shuffled(ordered.rbegin(), ordered.rend());
  std::swap(shuffled[2], shuffled[9]);
  put_sorts(store(), shuffled);
  EXPECT_EQ(sorts_of(query({.partition = "p"})), ordered);
  EXPECT_EQ(sorts_of(query({.partition = "p", .descending = true})), Sorts(ordered.rbegin(), ordered.rend()));
}

TEST_P(StoreContract, KeepsKeysOfAnyTextApart) {
  const Sorts texts{
      std::string("a\0b", 3), std::string("a\0c", 3), "a", "a'b", "a\"b", "a%", "a_", "a\nb", "ﷺ", "e\u0301", "é"};
  for (const auto& text : texts) {
    transact({Put{.item = {.key = {text, text}, .version = 1, .body = text, .index = Key{text, text}}, .when = {}}});
  }
  for (const auto& text : texts) {
    EXPECT_EQ(get({text, text})->body, text);
    EXPECT_EQ(query({.partition = text}).items.size(), 1U) << text;
    EXPECT_EQ(query_index({.partition = text}).items.size(), 1U) << text;
  }
}

TEST_P(StoreContract, ReadsARangeWithItsFirstAndWithoutItsLast) {
  put_sorts(store(), {"a", "b", "b1", "c", "d"});
  transact({Put{.item = small_item("other", "b"), .when = {}}});
  EXPECT_EQ(sorts_of(query({.partition = "p", .from = "b", .to = "d"})), (Sorts{"b", "b1", "c"}));
  EXPECT_EQ(sorts_of(query({.partition = "p", .from = "b", .to = "d", .descending = true})), (Sorts{"c", "b1", "b"}));
  EXPECT_EQ(sorts_of(query({.partition = "p", .from = "c"})), (Sorts{"c", "d"}));
  EXPECT_EQ(sorts_of(query({.partition = "p", .to = "b"})), Sorts{"a"});
  EXPECT_EQ(sorts_of(query({.partition = "p", .from = "d", .to = "b"})), Sorts{});
  EXPECT_EQ(sorts_of(query({.partition = "none"})), Sorts{});
}

TEST_P(StoreContract, PagesThroughARangeInBothDirections) {
  put_sorts(store(), {"a", "b", "c", "d", "e", "f"});
  const auto ask = [&](const Query& q) { return query(q); };
  EXPECT_EQ(pages_of({.partition = "p", .limit = 4}, false, ask),
            (std::vector<Sorts>{{"a", "b", "c", "d"}, {"e", "f"}}));
  EXPECT_EQ(pages_of({.partition = "p", .limit = 3}, false, ask),
            (std::vector<Sorts>{{"a", "b", "c"}, {"d", "e", "f"}}));
  EXPECT_EQ(pages_of({.partition = "p", .from = "b", .to = "f", .descending = true, .limit = 2}, false, ask),
            (std::vector<Sorts>{{"e", "d"}, {"c", "b"}}));
}

TEST_P(StoreContract, GoesOnAfterAKeyThatIsGone) {
  put_sorts(store(), {"a", "c"});
  EXPECT_EQ(sorts_of(query({.partition = "p", .after = "b"})), Sorts{"c"});
  EXPECT_EQ(sorts_of(query({.partition = "p", .after = "b", .descending = true})), Sorts{"a"});
  EXPECT_EQ(sorts_of(query({.partition = "p", .from = "c", .after = "a"})), Sorts{"c"});
  EXPECT_EQ(sorts_of(query({.partition = "p", .to = "b", .after = "z", .descending = true})), Sorts{"a"});
}

TEST_P(StoreContract, RejectsALimitOutOfRange) {
  EXPECT_THROW(query({.partition = "p", .limit = 0}), base::Error);
  EXPECT_THROW(query({.partition = "p", .limit = 1001}), base::Error);
  EXPECT_NO_THROW(query({.partition = "p", .limit = 1000}));
}

TEST_P(StoreContract, ListsItemsByTheirIndex) {
  transact({Put{.item = indexed("a", "3"), .when = {}}, Put{.item = indexed("b", "1"), .when = {}},
            Put{.item = indexed("c", "2"), .when = {}}, Put{.item = indexed("d", "1", "someone else"), .when = {}},
            Put{.item = small_item("p", "e"), .when = {}}});
  EXPECT_EQ(sorts_of(query_index({.partition = "u"})), (Sorts{"b", "c", "a"}));
  EXPECT_EQ(sorts_of(query_index({.partition = "u", .from = "2", .descending = true})), (Sorts{"a", "c"}));
  EXPECT_EQ(query_index({.partition = "u"}).items.front(), indexed("b", "1"));
  EXPECT_EQ(pages_of({.partition = "u", .descending = true, .limit = 2}, true,
                     [&](const Query& q) { return query_index(q); }),
            (std::vector<Sorts>{{"a", "c"}, {"b"}}));
}

TEST_P(StoreContract, OrdersItemsOfOneIndexKeyByTheirOwn) {
  for (const auto* sort : {"b", "c", "a"}) transact({Put{.item = indexed(sort, "1"), .when = {}}});
  EXPECT_EQ(sorts_of(query_index({.partition = "u"})), (Sorts{"a", "b", "c"}));
}

TEST_P(StoreContract, MovesAnItemInTheIndexWithIt) {
  transact({Put{.item = indexed("a", "1"), .when = {}}, Put{.item = indexed("b", "2"), .when = {}}});
  transact({Put{.item = indexed("a", "3"), .when = {}}});
  EXPECT_EQ(sorts_of(query_index({.partition = "u"})), (Sorts{"b", "a"}));
  transact({Put{.item = indexed("a", "3", "v"), .when = {}}});
  EXPECT_EQ(sorts_of(query_index({.partition = "u"})), Sorts{"b"});
  EXPECT_EQ(sorts_of(query_index({.partition = "v"})), Sorts{"a"});
  transact({Put{.item = small_item("p", "a"), .when = {}}});
  EXPECT_EQ(sorts_of(query_index({.partition = "v"})), Sorts{});
  transact({Put{.item = indexed("a", "1"), .when = {}}, Delete{.key = {"p", "b"}, .when = {}}});
  EXPECT_EQ(sorts_of(query_index({.partition = "u"})), Sorts{"a"});
}

TEST_P(StoreContract, ReturnsNoExpiredItemFromAnyRead) {
  auto item = indexed("a", "1");
  item.expires_at_s = now_s() + 10;
  transact({Put{.item = item, .when = {}}, Put{.item = indexed("b", "2"), .when = {}}});
  clock_.advance(std::chrono::milliseconds(9'999));
  EXPECT_TRUE(get({"p", "a"}));
  EXPECT_EQ(wait_for(store().count({.partition = "p"})), 2);
  clock_.advance(std::chrono::milliseconds(1));
  EXPECT_FALSE(get({"p", "a"}));
  EXPECT_EQ(wait_for(store().get_many({{"p", "a"}, {"p", "b"}})).size(), 1U);
  EXPECT_EQ(sorts_of(query({.partition = "p"})), Sorts{"b"});
  EXPECT_EQ(sorts_of(query_index({.partition = "u"})), Sorts{"b"});
  EXPECT_EQ(wait_for(store().count({.partition = "p"})), 1);
  // A page is filled with what is left, and `more` counts only that.
  const auto page = query({.partition = "p", .limit = 1});
  EXPECT_EQ(sorts_of(page), Sorts{"b"});
  EXPECT_FALSE(page.more);
}

TEST_P(StoreContract, GetsManyAndLeavesOutWhatIsNotThere) {
  put_sorts(store(), {"a", "b", "c"});
  auto items = wait_for(store().get_many({{"p", "c"}, {"p", "nothing"}, {"p", "a"}}));
  std::ranges::sort(items, {}, [](const Item& item) { return item.key.sort; });
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0], small_item("p", "a"));
  EXPECT_EQ(items[1], small_item("p", "c"));
  EXPECT_TRUE(wait_for(store().get_many({})).empty());
  EXPECT_THROW(wait_for(store().get_many(std::vector<Key>(101, Key{"p", "a"}))), base::Error);
}

TEST_P(StoreContract, CountsARangeWhateverThePage) {
  put_sorts(store(), {"a", "b", "c", "d"});
  EXPECT_EQ(wait_for(store().count({.partition = "p"})), 4);
  EXPECT_EQ(wait_for(store().count({.partition = "p", .from = "b", .to = "d", .after = "c", .limit = 1})), 2);
  EXPECT_EQ(wait_for(store().count({.partition = "none"})), 0);
}

TEST_P(StoreContract, IsHealthy) {
  const auto health = wait_for(store().health());
  EXPECT_TRUE(health.healthy) << health.reason;
  EXPECT_EQ(health.reason, "");
}

}  // namespace
}  // namespace store
