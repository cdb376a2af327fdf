#include "coaching/topic.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"

namespace coaching {
namespace {

namespace fs = std::filesystem;

// A copy of the repository's topics that a test may damage; gone with it. Tests run in the repository's root.
struct Copy {
  Copy()
      : path(fs::temp_directory_path() /
             ("topics-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
              ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(path);
    fs::copy("topics", path, fs::copy_options::recursive);
  }
  ~Copy() { fs::remove_all(path); }
  void write(const std::string& file, std::string_view text) const { std::ofstream(path / file) << text; }
  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    std::ifstream in(path / file);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write(file, text.replace(at, from.size(), to));
  }
  std::string fault() const {
    try {
      Topics::load(path.string());
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code, base::Code::validation_error);
      return error.message.substr(error.message.find("goals/") == std::string::npos ? 0 : error.message.find("goals/"));
    }
    return "no error";
  }
  fs::path path;
};

TEST(Topics, TheBinaryCarriesTheFour) {
  const auto topics = Topics::load();
  for (const auto* id : {"core_values", "goals", "purpose", "vision"}) {
    const auto topic = topics.find(id);
    ASSERT_TRUE(topic) << id;
    EXPECT_EQ(topic->id, id);
    EXPECT_EQ(topic->phases.size(), 6u);
    EXPECT_FALSE(topic->system.empty());
    EXPECT_FALSE(topic->assessment.empty());
    EXPECT_TRUE(topic->result_schema.is_object());
    EXPECT_TRUE(topic->offline.is_object());
  }
  EXPECT_FALSE(topics.find("core_value"));
  EXPECT_FALSE(topics.find(""));
}

TEST(Topics, AFolderReplacesTheOneInTheBinary) {
  Copy copy;
  copy.replace("goals/topic.yaml", "name: Goals", "name: Aims");
  fs::remove_all(copy.path / "vision");
  const auto topics = Topics::load(copy.path.string());
  EXPECT_EQ(topics.find("goals")->name, "Aims");
  EXPECT_EQ(topics.find("goals")->version, 0) << "a version is given when it is published";
  EXPECT_NE(topics.find("goals")->hash, Topics::load().find("goals")->hash);
  EXPECT_NE(topics.files("goals").at("topic.yaml").find("Aims"), std::string::npos);
  EXPECT_TRUE(topics.find("vision"));
}

TEST(Topics, FromTheBinaryOrFromItsFolderATopicIsTheSame) {
  const auto embedded = Topics::load();
  const auto folder = Topics::load("topics");
  for (const auto& topic : embedded.all()) {
    EXPECT_EQ(topic->hash, folder.find(topic->id)->hash) << topic->id;
    EXPECT_EQ(embedded.files(topic->id), folder.files(topic->id)) << topic->id;
  }
  EXPECT_TRUE(embedded.files("no_such_topic").empty());
}

TEST(Topics, ATopicOutlivesItsTopics) {
  std::shared_ptr<const Topic> kept;
  {
    kept = Topics::load().find("goals");
  }
  EXPECT_EQ(kept->name, "Goals");
}

TEST(Topics, FaultsNameFileAndLine) {
  const auto fault = [](const std::string& file, const std::string& from, const std::string& to) {
    Copy copy;
    copy.replace(file, from, to);
    return copy.fault();
  };
  EXPECT_EQ(fault("goals/topic.yaml", "tier: free", "teir: free"),
            "goals/topic.yaml:5: 'teir' is not known here; did you mean 'tier'?");
  EXPECT_EQ(fault("goals/topic.yaml", "max_turns: 60", "max_turns: many"),
            "goals/topic.yaml:6: max_turns must be a whole number");
  EXPECT_EQ(fault("goals/topic.yaml", "id: goals", "id: goal"),
            "goals/topic.yaml:1: id 'goal' must be the folder's name");
  EXPECT_TRUE(fault("goals/topic.yaml", "source: business.foundation.vision", "source: thin air")
                  .starts_with("goals/topic.yaml:"));
  EXPECT_TRUE(fault("goals/topic.yaml", "name: synthesis", "name: sinthesis").starts_with("goals/topic.yaml:"));
  EXPECT_TRUE(fault("goals/system.md", "{{/role}}", "").starts_with("goals/system.md:"));
  EXPECT_TRUE(fault("goals/result.schema.json", "{", "").starts_with("goals/result.schema.json: not valid JSON"));
}

TEST(Topics, AMissingFileIsNamed) {
  Copy copy;
  fs::remove(copy.path / "goals/resume.md");
  EXPECT_EQ(copy.fault(), "goals/resume.md: the file is missing");
}

TEST(Topics, AHugeFileIsRefused) {
  Copy copy;
  copy.write("goals/system.md", std::string(2'000'000, 'x'));
  EXPECT_EQ(copy.fault(), "goals/system.md: the file is larger than 1 MB");
}

TEST(Topics, AMissingFolderIsAnError) { EXPECT_THROW(Topics::load("/nonexistent/topics"), base::Error); }

TEST(Topics, PhasesAreAValueForTemplates) {
  const auto topic = Topics::load().find("goals");
  const auto phases = computed_value(*topic, "phases");
  EXPECT_EQ(phases.as_array().size(), 6u);
  EXPECT_EQ(phases.at(0).at("name").as_string(), "introduction");
  EXPECT_EQ(computed_value(*topic, "topic_name").as_string(), "Goals");
  EXPECT_THROW(computed_value(*topic, "weather"), base::Error);
}

}  // namespace
}  // namespace coaching
