#include "coaching/response_cache.hpp"

#include "coaching/world_test.hpp"

namespace coaching {
namespace {

std::shared_ptr<const CachedResponse> answer(const char* model, base::Time until) {
  return std::make_shared<const CachedResponse>(CachedResponse{base::json::object{{"a", 1}}, model, until});
}

TEST(ResponseCache, IsBoundedInBytesAndLosesWhatWasNotUsedForLong) {
  const base::FakeClock clock;
  const auto until = clock.now() + base::Milliseconds(1'000);
  ResponseCache cache(100);
  cache.keep({"bakery", "1"}, answer("one", until), 40);
  cache.keep({"bakery", "2"}, answer("two", until), 40);
  EXPECT_TRUE(cache.find({"bakery", "1"}, clock.now()));
  cache.keep({"bakery", "3"}, answer("three", until), 40);
  EXPECT_EQ(cache.bytes(), 80u);
  EXPECT_TRUE(cache.find({"bakery", "1"}, clock.now()));
  EXPECT_FALSE(cache.find({"bakery", "2"}, clock.now()));
  cache.keep({"bakery", "4"}, answer("too large", until), 101);
  EXPECT_FALSE(cache.find({"bakery", "4"}, clock.now()));
  cache.keep({"bakery", "3"}, answer("again", until), 10);
  EXPECT_EQ(cache.bytes(), 50u);
  EXPECT_EQ(cache.find({"bakery", "3"}, clock.now())->model, "again");
}

TEST(ResponseCache, KnowsTenantsApartAndForgetsInTime) {
  base::FakeClock clock;
  ResponseCache cache(1'000);
  cache.keep({"bakery", "1"}, answer("one", clock.now() + base::Milliseconds(1'000)), 10);
  EXPECT_FALSE(cache.find({"brewery", "1"}, clock.now()));
  clock.advance(base::Milliseconds(999));
  EXPECT_TRUE(cache.find({"bakery", "1"}, clock.now()));
  clock.advance(base::Milliseconds(1));
  EXPECT_FALSE(cache.find({"bakery", "1"}, clock.now()));
  EXPECT_EQ(cache.bytes(), 0u);
}

}  // namespace
}  // namespace coaching
