#include "coaching/topic_versions.hpp"

#include "coaching/audit.hpp"
#include "coaching/world_test.hpp"

namespace coaching {
namespace {

class Versions : public ::testing::Test, public World {
 protected:
  TopicVersions& versions() { return first->topic_versions; }

  TopicFiles changed(const std::string& mark, const std::string& id = "core_values") {
    auto files = topics.files(id);
    files["initiation.md"] += mark + "\n";
    return files;
  }
  SaveRequest request(const std::string& mark, bool publish = true, const std::string& scope = "bakery") {
    return {{"bakery", "ada"}, scope, "core_values", changed(mark), "say " + mark, publish, {}};
  }
  Saved save(SaveRequest wanted) { return run(versions().save(std::move(wanted))); }
  std::int64_t live(const std::string& tenant = "bakery", const std::string& id = "core_values") {
    return run(versions().live(tenant, id))->version;
  }
  PublishRequest to(std::int64_t version) { return {{"bakery", "ada"}, "bakery", "core_values", version, {}}; }
};

TEST_F(Versions, TheBuiltInIsVersionZero) {
  const auto topic = run(versions().live("bakery", "core_values"));
  EXPECT_EQ(topic->version, 0);
  EXPECT_EQ(topic->scope, "");
  EXPECT_EQ(topic->hash.size(), 64u);
  EXPECT_EQ(run(versions().live("bakery", "no_such_topic")), nullptr);
}

TEST_F(Versions, SavedUnchangedItHasTheHashOfTheBuiltIn) {
  auto wanted = request("", false);
  wanted.files = topics.files("core_values");
  EXPECT_EQ(save(std::move(wanted)).version.hash, topics.find("core_values")->hash);
}

TEST_F(Versions, ASavedOneIsNotLiveUntilItIsPublished) {
  EXPECT_EQ(save(request("hello", false)).version.version, 1);
  EXPECT_EQ(live(), 0);
  run(versions().publish(to(1)));
  EXPECT_EQ(live(), 1);
  EXPECT_EQ(live("mill"), 0) << "it is the bakery's own";
}

TEST_F(Versions, ATenantsOwnWinsOverTheOneForAll) {
  save(request("all", true, "*"));
  EXPECT_EQ(run(versions().live("mill", "core_values"))->scope, "*");
  save(request("own"));
  EXPECT_EQ(run(versions().live("bakery", "core_values"))->scope, "bakery");
  run(versions().publish(to(0)));
  EXPECT_EQ(run(versions().live("bakery", "core_values"))->scope, "*");
}

TEST_F(Versions, AreNumberedAndKeepAuthorTimeAndMessage) {
  save(request("one"));
  save(request("two"));
  const auto all = run(versions().versions("bakery", "core_values"));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].version, 2);
  EXPECT_EQ(all[0].author, "ada");
  EXPECT_EQ(all[0].message, "say two");
  EXPECT_EQ(all[0].created_at, clock.now());
  EXPECT_NE(all[0].hash, all[1].hash);
  EXPECT_NE(run(versions().files({"core_values", "bakery", 1}))["initiation.md"].find("one"), std::string::npos);
}

TEST_F(Versions, TheSameFilesAreNoNewVersion) {
  save(request("one"));
  const auto again = save(request("one"));
  EXPECT_FALSE(again.fresh);
  EXPECT_EQ(again.version.version, 1);
  EXPECT_EQ(run(versions().versions("bakery", "core_values")).size(), 1u);
}

TEST_F(Versions, RollbackGoesBackStepByStep) {
  save(request("one"));
  save(request("two"));
  save(request("three"));
  EXPECT_EQ(run(versions().rollback(to(0))).live, 2);
  EXPECT_EQ(run(versions().rollback(to(0))).live, 1);
  EXPECT_EQ(run(versions().rollback(to(0))).live, 0);
  EXPECT_EQ(error_of([&] { run(versions().rollback(to(0))); }), base::Code::conflict);
}

TEST_F(Versions, WhoSawAnotherLiveVersionGetsAConflict) {
  save(request("one"));
  auto wanted = to(0);
  wanted.seen_live = 0;
  EXPECT_EQ(error_of([&] { run(versions().publish(wanted)); }), base::Code::conflict);
  EXPECT_EQ(last_error->details.at("live_version"), 1);
  auto saving = request("two");
  saving.seen_live = 0;
  EXPECT_EQ(error_of([&] { save(std::move(saving)); }), base::Code::conflict);
  EXPECT_EQ(run(versions().versions("bakery", "core_values")).size(), 1u);
}

TEST_F(Versions, AVersionThatIsNotThereCannotGoLive) {
  EXPECT_EQ(error_of([&] { run(versions().publish(to(1))); }), base::Code::not_found);
}

TEST_F(Versions, AnotherProcessFollowsWithinFiveSeconds) {
  const auto second = make_instance();
  const auto seen = [&] { return run(second->topic_versions.live("bakery", "core_values"))->version; };
  EXPECT_EQ(seen(), 0);
  save(request("one"));
  EXPECT_EQ(live(), 1) << "at once where it was published";
  clock.advance(kPointerAge - base::Milliseconds(1));
  EXPECT_EQ(seen(), 0);
  clock.advance(base::Milliseconds(1));
  EXPECT_EQ(seen(), 1);
}

TEST_F(Versions, ATopicThatNoBinaryKnowsIsOneToo) {
  auto files = topics.files("core_values");
  auto& yaml = files["topic.yaml"];
  yaml.replace(yaml.find("id: core_values"), 15, "id: friendship");
  save({{"bakery", "ada"}, "bakery", "friendship", files, "new", true, {}});
  EXPECT_EQ(live("bakery", "friendship"), 1);
  EXPECT_EQ(run(versions().live("mill", "friendship")), nullptr);
  EXPECT_EQ(run(versions().all_live("bakery")).size(), topics.all().size() + 1);
  EXPECT_EQ(start("friendship").topic_version, 1);
}

TEST_F(Versions, FaultsNameFileAndLine) {
  const auto fault = [&](const std::string& file, const std::string& text) {
    auto wanted = request("x");
    wanted.files[file] = text;
    EXPECT_EQ(error_of([&] { save(std::move(wanted)); }), base::Code::validation_error);
    const auto& first_fault = last_error->details.as_array().at(0);
    return std::string(first_fault.at("field").as_string()) + " " + std::string(first_fault.at("message").as_string());
  };
  EXPECT_EQ(fault("initiation.md", "Hello\n{{#user_name}}\n").substr(0, 27), "core_values/initiation.md:2");
  EXPECT_TRUE(fault("initiation.md", "Hello\n{{nobody}}\n").starts_with("core_values/initiation.md:2 the variable"));
  EXPECT_TRUE(fault("result.schema.json", "[1]").starts_with("core_values/result.schema.json"));
  EXPECT_TRUE(fault("result.schema.json", "{").starts_with("core_values/result.schema.json"));
  EXPECT_TRUE(fault("topic.yaml", "id: core_values\nnonsense: 1\n").starts_with("core_values/topic.yaml:2 "));
  EXPECT_TRUE(fault("system.md", std::string(2'000'000, 'x')).starts_with("core_values/system.md is larger than"));
  EXPECT_TRUE(fault("../../etc/passwd", "x").ends_with("is no file of a topic"));
  EXPECT_EQ(live(), 0);
}

TEST_F(Versions, AConversationKeepsTheOneItBeganWith) {
  save(request("one"));
  const auto before = start();
  EXPECT_EQ(before.topic_version, 1);
  EXPECT_EQ(before.topic_scope, "bakery");
  save(request("two"));
  EXPECT_EQ(start("core_values").topic_version, 2);
  const auto second = make_instance();  // as after a restart: nothing is remembered
  EXPECT_EQ(run(topic_of(second->coaching, before))->version, 1);
  EXPECT_EQ(run(topic_of(second->coaching, before))->hash, before.topic_hash);
}

TEST_F(Versions, ARememberedOneCostsNoReadOfTheStore) {
  save(request("one"));
  const auto conversation = start();
  EXPECT_NE(versions().remembered(topic_ref(conversation)), nullptr);
}

TEST_F(Versions, EveryActIsOnTheBooksAndARefusedOneIsNot) {
  save(request("one"));
  save(request("two", false));
  auto wanted = to(2);
  wanted.seen_live = 0;
  error_of([&] { run(versions().publish(wanted)); });
  run(versions().publish(to(2)));
  run(versions().rollback(to(0)));
  const auto page = run(read_audit(*store, {.tenant_id = "bakery"}));
  std::vector<std::string> acts;
  for (const auto& entry : page.entries)
    acts.push_back(entry.act + " " + base::write_json(entry.details.at("version")));
  EXPECT_EQ(acts, (std::vector<std::string>{"topic.rollback 1", "topic.publish 2", "topic.save 2", "topic.publish 1",
                                            "topic.save 1"}));
  EXPECT_EQ(page.total, 5);
  EXPECT_EQ(page.entries[0].actor.user_id, "ada");
  EXPECT_EQ(run(read_audit(*store, {.tenant_id = "mill"})).total, 0);
}

TEST_F(Versions, TheBooksAreReadByPageAndTime) {
  for (const auto* mark : {"one", "two", "three"}) {
    save(request(mark, false));
    clock.advance(base::Milliseconds(1'000));
  }
  const auto end = clock.now();
  AuditQuery query{.tenant_id = "bakery", .page = 2, .page_size = 2};
  EXPECT_EQ(run(read_audit(*store, query)).entries.size(), 1u);
  query = {.tenant_id = "bakery", .from = end - base::Milliseconds(2'000), .to = end - base::Milliseconds(1'000)};
  const auto page = run(read_audit(*store, query));
  ASSERT_EQ(page.total, 1);
  EXPECT_EQ(page.entries[0].details.at("version"), 2);
}

}  // namespace
}  // namespace coaching
