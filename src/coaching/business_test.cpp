#include "coaching/business.hpp"

#include "coaching/audit.hpp"
#include "coaching/local_business.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

using base::Code;
namespace json = base::json;

TEST(BusinessPath, FindsSectionAndMember) {
  const auto path = business_path("business.foundation.purpose");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->section, BusinessSection::foundation);
  EXPECT_EQ(path->path, "purpose");
  EXPECT_EQ(business_path("business.goals")->section, BusinessSection::goals);
  EXPECT_TRUE(business_path("business.goal.title")->one_goal);
  EXPECT_FALSE(business_path("request"));
}

TEST(BusinessPath, TakesOlderNamesForTheFoundations) {
  EXPECT_EQ(business_path("business.vision")->section, BusinessSection::foundation);
  EXPECT_EQ(business_path("business.vision")->path, "vision");
  EXPECT_FALSE(names_section("business.vision"));
  EXPECT_TRUE(names_section("business.people"));
}

TEST(BusinessPath, LooksIntoEachElementOfAList) {
  const auto value = base::parse_json(R"([{"owner": {"name": "Otto"}}, {}, {"owner": {"name": "Ines"}}])");
  EXPECT_EQ(value_at(value, "owner.name"), json::value({"Otto", "Ines"}));
  EXPECT_TRUE(value_at(value, "nothing").is_null());
  EXPECT_EQ(value_at(value, ""), value);
}

class LocalBusinessTest : public testing::Test, public World {
 protected:
  std::vector<StoredSection> write(std::vector<SectionEdit> edits) {
    return run(write_sections(*store, ids, clock, owner, std::move(edits)));
  }
  json::value read(BusinessSection section, std::string id = "") {
    return *run(first->business.read({section, std::move(id), owner, {}})).value;
  }
  const json::value goals = json::array{{{"id", "g1"}, {"title", "Second shop"}}};
};

TEST_F(LocalBusinessTest, GivesBackWhatWasWritten) {
  EXPECT_TRUE(read(BusinessSection::goals).is_null());
  const auto after = write({{BusinessSection::goals, goals, {}}});
  EXPECT_EQ(after[0].version, 1);
  EXPECT_EQ(after[0].record.updated_by, "ines");
  EXPECT_EQ(read(BusinessSection::goals), goals);
  EXPECT_EQ(read(BusinessSection::goals, "g1").at("title"), "Second shop");
  EXPECT_TRUE(read(BusinessSection::goals, "g2").is_null());
  EXPECT_TRUE(read(BusinessSection::people).is_null());
  owner = {"mill", "ines"};
  EXPECT_TRUE(read(BusinessSection::goals).is_null());
}

TEST_F(LocalBusinessTest, RefusesToWriteOverAChangeThatWasNotSeen) {
  write({{BusinessSection::goals, goals, 0}});
  EXPECT_EQ(error_of([&] { write({{BusinessSection::goals, json::array{}, 0}}); }), Code::conflict);
  EXPECT_EQ(last_error->details.at("version"), 1);
  EXPECT_EQ(write({{BusinessSection::goals, json::array{}, 1}})[0].version, 2);
}

TEST_F(LocalBusinessTest, WritesAllSectionsOrNone) {
  write({{BusinessSection::goals, goals, {}}});
  const json::value purpose{{"purpose", "Bread"}};
  EXPECT_EQ(error_of([&] {
              write({{BusinessSection::foundation, purpose, {}}, {BusinessSection::goals, json::array{}, 7}});
            }),
            Code::conflict);
  EXPECT_TRUE(read(BusinessSection::foundation).is_null());
  const json::value large(std::string(kMaxSectionBytes, 'x'));
  EXPECT_EQ(error_of([&] {
              write({{BusinessSection::foundation, purpose, {}}, {BusinessSection::people, json::array{large}, {}}});
            }),
            Code::payload_too_large);
  EXPECT_TRUE(read(BusinessSection::foundation).is_null());
}

TEST_F(LocalBusinessTest, LeavesATraceOfEachChangeWithoutItsContent) {
  write({{BusinessSection::goals, goals, {}}, {BusinessSection::people, json::array{}, {}}});
  write({{BusinessSection::goals, goals, {}}});  // the same again
  const auto page = run(read_audit(*store, {"bakery", {}, {}, 1, 50}));
  ASSERT_EQ(page.total, 2);
  for (const auto& entry : page.entries) {
    EXPECT_EQ(entry.act, "business.write");
    EXPECT_EQ(base::write_json(entry.details).find("shop"), std::string::npos);
  }
  const auto sections = run(read_sections(*store, "bakery"));
  ASSERT_EQ(sections.size(), 7u);
  EXPECT_EQ(sections[1].version, 1);
  EXPECT_EQ(sections[0].version, 0);
}

}  // namespace
}  // namespace coaching
