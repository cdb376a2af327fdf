#include "coaching/usage.hpp"

#include "coaching/ledger.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;
using namespace std::chrono_literals;

struct Usage : testing::Test, World {
  void charge(const std::string& tenant, const std::string& user, const std::string& topic, const std::string& model,
              std::int64_t tokens, bool estimated = false) {
    Charge made;
    made.model = model;
    made.prompt_tokens = tokens;
    made.completion_tokens = 1;
    made.cached_tokens = tokens / 2;
    made.micro_usd = tokens * 10;
    made.estimated = estimated;
    run(list_tenant(first->coaching, tenant));
    run(post_charges(first->coaching, Account{{tenant, user}, topic, "free", "conv_1"}, {made}));
  }
  UsageReport report(UsageQuery query) { return run(report_usage(*store, clock.now(), std::move(query))); }
  static std::string rows_of(const UsageReport& report) {
    std::string text;
    for (const auto& row : report.rows) text += row.group + "=" + std::to_string(row.prompt_tokens) + " ";
    return text;
  }
  // Two tenants, three days of January 2026.
  void fill() {
    charge("bakery", "ines", "purpose", "small", 10);
    charge("bakery", "otto", "core_values", "large", 200, true);
    charge("garage", "ines", "purpose", "small", 4000);
    clock.advance(24h);
    charge("bakery", "ines", "purpose", "large", 30);
    charge("bakery", "ines2", "purpose", "large", 5);
    clock.advance(24h);
    charge("bakery", "a#b", "purpose", "small", 1);
  }
};

TEST_F(Usage, IsGroupedByWhatIsAskedForAndSumsUp) {
  fill();
  UsageQuery query;
  query.tenant_id = "bakery";
  EXPECT_EQ(rows_of(report(query)), "2026-01-01=210 2026-01-02=35 2026-01-03=1 ");
  query.group_by = GroupBy::user;
  EXPECT_EQ(rows_of(report(query)), "otto=200 ines=40 ines2=5 a#b=1 ");
  query.group_by = GroupBy::topic;
  EXPECT_EQ(rows_of(report(query)), "core_values=200 purpose=46 ");
  query.group_by = GroupBy::model;
  EXPECT_EQ(rows_of(report(query)), "large=235 small=11 ");
  query.group_by = GroupBy::tenant;
  const auto made = report(query);
  EXPECT_EQ(rows_of(made), "bakery=246 ");
  EXPECT_EQ(made.total.calls, 5);
  EXPECT_EQ(made.total.estimated_calls, 1);
  EXPECT_EQ(made.total.prompt_tokens, 246);
  EXPECT_EQ(made.total.completion_tokens, 5);
  EXPECT_EQ(made.total.cached_tokens, 122);
  EXPECT_EQ(made.total.micro_usd, 2460);
  EXPECT_EQ(made.from, "2026-01-01");
  EXPECT_EQ(made.to, "2026-01-03");
}

TEST_F(Usage, OfAllTenantsIsForTheOperator) {
  fill();
  UsageQuery query;
  query.group_by = GroupBy::tenant;
  EXPECT_EQ(rows_of(report(query)), "garage=4000 bakery=246 ");
}

TEST_F(Usage, OfAUserIsNobodyElses) {
  fill();
  UsageQuery query;
  query.tenant_id = "bakery";
  query.user_id = "ines";
  query.group_by = GroupBy::user;
  EXPECT_EQ(rows_of(report(query)), "ines=40 ");
  query.user_id = "a#b";
  EXPECT_EQ(rows_of(report(query)), "a#b=1 ");
}

TEST_F(Usage, IsOfTheDaysThatAreNamedBothIncluded) {
  fill();
  UsageQuery query;
  query.tenant_id = "bakery";
  query.from = "2026-01-02";
  query.to = "2026-01-03";
  EXPECT_EQ(rows_of(report(query)), "2026-01-02=35 2026-01-03=1 ");
  query.to = "2026-01-02";
  EXPECT_EQ(rows_of(report(query)), "2026-01-02=35 ");
}

TEST_F(Usage, CutsItsRowsButNotItsTotal) {
  std::vector<Charge> one(1);
  one[0].prompt_tokens = 1;
  for (int user = 0; user < 1200;) {
    std::vector<store::Write> writes;
    for (std::size_t i = 0; i < store::kMaxWrites; ++i) {
      const Account account{{"bakery", "user" + std::to_string(user++)}, "purpose", "free", "conv_1"};
      settle(first->coaching, account, std::nullopt, one, writes);
    }
    run(store->transact(std::move(writes)));
  }
  UsageQuery query;
  query.tenant_id = "bakery";
  query.group_by = GroupBy::user;
  query.most_rows = 100;
  const auto made = report(query);
  EXPECT_EQ(made.rows.size(), 100u);
  EXPECT_TRUE(made.more);
  EXPECT_EQ(made.total.prompt_tokens, 1200);
}

TEST_F(Usage, RefusesDaysThatAreNone) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"2026-13-01", ""},
                                                                                 {"2026-02-30", "2026-03-01"},
                                                                                 {"yesterday", ""},
                                                                                 {"2026-01-05", "2026-01-04"},
                                                                                 {"2024-01-01", "2026-01-01"},
                                                                                 {"2026-1-1", ""}}) {
    UsageQuery query;
    query.from = from;
    query.to = to;
    EXPECT_EQ(error_of([&] { report(query); }), Code::validation_error) << from << " " << to;
  }
}

}  // namespace
}  // namespace coaching
