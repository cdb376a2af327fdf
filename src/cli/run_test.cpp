#include "cli/run.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/commands.hpp"

namespace cli {
namespace {

struct Ended {
  int code;
  std::string out;
  std::string err;
};

Ended run_with(std::vector<std::string> words) {
  words.insert(words.begin(), "purposepath");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run(static_cast<int>(argv.size()), argv.data());
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

class DataFolder {
 public:
  DataFolder() : path(std::filesystem::path(testing::TempDir()) / "cli-run-test") {
    std::filesystem::remove_all(path);
    std::filesystem::create_directory(path);
  }
  ~DataFolder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

TEST(Run, SuggestsTheCommandThatWasMeant) {
  const auto ended = run_with({"sreve"});
  EXPECT_EQ(ended.code, kUsage);
  EXPECT_TRUE(holds(ended.err, "there is no command sreve; did you mean serve?")) << ended.err;
}

TEST(Run, SuggestsTheFlagThatWasMeant) {
  const auto ended = run_with({"serve", "--prot", "1"});
  EXPECT_EQ(ended.code, kUsage);
  EXPECT_TRUE(holds(ended.err, "did you mean --port?")) << ended.err;
}

TEST(Run, WantsACommand) { EXPECT_EQ(run_with({}).code, kUsage); }

TEST(Run, PrintsItsVersion) {
  const auto ended = run_with({"--version"});
  EXPECT_EQ(ended.code, kOk);
  EXPECT_EQ(ended.out, "purposepath " PURPOSEPATH_VERSION "\n");
}

TEST(Run, HelpsWithEveryCommandByExample) {
  EXPECT_TRUE(holds(run_with({"--help"}).out, "Exit codes: 0 done"));
  for (const auto* command : {"serve", "chat", "token", "health"}) {
    const auto ended = run_with({command, "--help"});
    EXPECT_EQ(ended.code, kOk) << command;
    EXPECT_TRUE(holds(ended.out, std::string("purposepath ") + command)) << command;
  }
  EXPECT_TRUE(holds(run_with({"config", "show", "--help"}).out, "purposepath config show"));
  EXPECT_TRUE(holds(run_with({"topics", "lint", "--help"}).out, "purposepath topics lint"));
}

TEST(Run, EndsWithItsOwnCodeForAWrongConfiguration) {
  const auto ended = run_with({"config", "show", "--set", "coaching.max_truns=1", "--set", "log.level=loud"});
  EXPECT_EQ(ended.code, kConfiguration);
  EXPECT_TRUE(holds(ended.err, "did you mean coaching.max_turns?")) << ended.err;
  EXPECT_TRUE(holds(ended.err, "log.level must be one of debug, info, warn, error")) << ended.err;
}

TEST(ConfigShow, MasksSecretsAndNamesOrigins) {
  const std::string secret(40, 'x');
  const auto ended = run_with({"config", "show", "--json", "--set", "auth.secret=" + secret});
  EXPECT_EQ(ended.code, kOk) << ended.err;
  EXPECT_FALSE(holds(ended.out, secret));
  EXPECT_TRUE(
      holds(ended.out, R"("auth.secret":{"value":"********","origin":"--set","variable":"PURPOSEPATH_AUTH__SECRET"})"))
      << ended.out;
}

TEST(Token, PrintsTheTokenAndNothingElse) {
  const DataFolder data;
  const auto ended = run_with({"token", "--user", "ada", "--tenant", "acme", "--role", "admin", "--role", "coach",
                               "--tier", "premium", "--expires", "5m", "--data", data.path.string()});
  EXPECT_EQ(ended.code, kOk) << ended.err;
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(std::ranges::count(ended.out, '.'), 2);
  EXPECT_EQ(std::ranges::count(ended.out, '\n'), 1);
}

TEST(Token, RefusesAnUnknownRoleOrTier) {
  EXPECT_EQ(run_with({"token", "--role", "king"}).code, kUsage);
  EXPECT_EQ(run_with({"token", "--tier", "gold"}).code, kUsage);
}

TEST(Token, RefusesADurationWithoutAUnit) {
  const auto ended = run_with({"token", "--expires", "12"});
  EXPECT_EQ(ended.code, kUsage);
  EXPECT_TRUE(holds(ended.err, "12h")) << ended.err;
}

TEST(TopicsList, NamesTheTopicsOfTheBinary) {
  const auto ended = run_with({"topics", "list"});
  EXPECT_EQ(ended.code, kOk) << ended.err;
  EXPECT_TRUE(holds(ended.out, "core_values"));
}

TEST(TopicsLint, PassesTheTopicsOfTheProject) {
  const auto ended = run_with({"topics", "lint", "topics"});
  EXPECT_EQ(ended.code, kOk) << ended.out << ended.err;
}

TEST(TopicsLint, FailsForATopicThatIsNone) {
  const DataFolder data;
  std::filesystem::create_directory(data.path / "empty_topic");
  const auto ended = run_with({"topics", "lint", data.path.string()});
  EXPECT_EQ(ended.code, kFailure);
  EXPECT_TRUE(holds(ended.out, "empty_topic")) << ended.out;
}

TEST(TopicsLint, FindsAVariableThatNobodyDeclared) {
  const DataFolder data;
  std::filesystem::copy("topics/goals", data.path / "goals", std::filesystem::copy_options::recursive);
  std::ofstream(data.path / "goals/resume.md", std::ios::app) << "{{mood}}";
  const auto ended = run_with({"topics", "lint", data.path.string()});
  EXPECT_EQ(ended.code, kFailure);
  EXPECT_TRUE(holds(ended.out, "goals/resume.md:2: the variable 'mood' is not declared")) << ended.out;
}

TEST(TopicsLint, WantsAFolder) { EXPECT_EQ(run_with({"topics", "lint", "/nowhere/at/all"}).code, kUsage); }

TEST(Health, EndsWithItsOwnCodeWhenNothingAnswers) {
  const auto ended = run_with({"health", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(ended.code, kUnreachable);
  EXPECT_TRUE(holds(ended.err, "http://127.0.0.1:1")) << ended.err;
}

TEST(Chat, SaysHowToStartAServiceWhenNoneRuns) {
  const auto ended = run_with({"chat", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(ended.code, kUnreachable);
  EXPECT_TRUE(holds(ended.err, "purposepath serve")) << ended.err;
}

TEST(Chat, TakesJsonOnlyForAScript) { EXPECT_EQ(run_with({"chat", "--json"}).code, kUsage); }

}  // namespace
}  // namespace cli
