#include "coaching/tenant_export.hpp"

#include "coaching/topic_versions.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

class TenantExport : public ::testing::Test, public World {
 protected:
  std::vector<base::json::object> exported(const std::string& tenant) {
    std::string all;
    run(export_tenant(*store, tenant, clock.now(), [&](std::string lines) -> base::Task<bool> {
      all += lines;
      co_return true;
    }));
    std::vector<base::json::object> lines;
    for (std::size_t at = 0; at < all.size(); at = all.find('\n', at) + 1) {
      lines.push_back(base::parse_json(all.substr(at, all.find('\n', at) - at), 64).as_object());
    }
    return lines;
  }
  static std::int64_t count(const std::vector<base::json::object>& lines, std::string_view kind) {
    return std::ranges::count_if(lines, [&](const auto& line) { return line.at("kind").as_string() == kind; });
  }
};

TEST_F(TenantExport, HoldsEverythingOfTheTenant) {
  const auto mine = start("purpose");
  say(mine.conversation_id, "I bake bread that people remember.");
  owner = {"bakery", "otto"};
  start("goals");
  run(first->topic_versions.save({owner, "bakery", "goals", topics.files("goals"), "as it was", true, {}}));
  const auto lines = exported("bakery");
  EXPECT_EQ(count(lines, "user"), 2);
  EXPECT_EQ(count(lines, "conversation"), 2);
  EXPECT_EQ(count(lines, "message"), 4);
  EXPECT_EQ(count(lines, "topic_version"), 1);
  EXPECT_EQ(count(lines, "topic_files"), 1);
  EXPECT_EQ(count(lines, "audit_entry"), 2);
  EXPECT_GT(count(lines, "usage"), 0);
  const auto said = std::ranges::find_if(lines, [](const auto& line) {
    return line.at("kind") == "message" && line.at("data").at("content") == "I bake bread that people remember.";
  });
  ASSERT_NE(said, lines.end());
  EXPECT_EQ(said->at("conversation_id").as_string(), mine.conversation_id);
  EXPECT_EQ(lines.back().at("kind"), "end");
  EXPECT_EQ(lines.back().at("lines"), static_cast<std::int64_t>(lines.size()));
}

TEST_F(TenantExport, HoldsNothingOfAnother) {
  const auto id = start("purpose").conversation_id;
  say(id, "secret recipe");
  for (const auto* other : {"mill", "bak", "bakery#ines", "*", ""}) {
    const auto lines = exported(other);
    EXPECT_EQ(lines.size(), 2u) << other;
  }
}

TEST_F(TenantExport, EndsWhenNobodyListensAnyMore) {
  for (int i = 0; i < 3; ++i) start("purpose");
  int calls = 0;
  run(export_tenant(*store, "bakery", clock.now(), [&](std::string) -> base::Task<bool> {
    ++calls;
    co_return false;
  }));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace coaching
