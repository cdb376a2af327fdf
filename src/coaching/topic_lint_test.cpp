#include "coaching/topic_lint.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"

namespace coaching {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// A folder with one topic to damage. Tests run in the repository's root.
struct Folder {
  Folder()
      : path(fs::temp_directory_path() /
             ("lint-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(path);
    fs::create_directories(path);
    fs::copy("topics/goals", path / "goals", fs::copy_options::recursive);
    fs::copy("topics/_shared", path / "_shared", fs::copy_options::recursive);
  }
  ~Folder() { fs::remove_all(path); }
  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    std::ifstream in(path / file);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    std::ofstream(path / file) << text;
  }
  void append(const std::string& file, const std::string& more) const {
    std::ofstream(path / file, std::ios::app) << more;
  }
  // "file:line severity message", for the one finding whose message holds `part`.
  std::string finding(const std::string& part) const {
    std::string all;
    for (const auto& found : lint_folder(path.string())) {
      const auto at = found.file.rfind("goals/");
      const auto file = at == std::string::npos ? found.file : found.file.substr(at);
      const auto text = file + (found.line ? ":" + std::to_string(*found.line) : "") +
                        (found.severity == Severity::error ? " error: " : " warning: ") + found.message;
      if (text.find(part) != std::string::npos) return text;
      all += text + "\n";
    }
    return "not found, but:\n" + all;
  }
  fs::path path;
};

TEST(TopicLint, OurTopicsAreClean) {
  for (const auto& finding : lint_folder("topics")) ADD_FAILURE() << finding.file << ": " << finding.message;
  for (const auto& topic : Topics::load().all()) EXPECT_TRUE(lint(*topic).empty()) << topic->id;
}

TEST(TopicLint, AnUndeclaredVariableIsAnErrorWithItsLine) {
  Folder folder;
  folder.replace("goals/initiation.md", "Open the conversation.", "Open.\n{{raeson}}");
  EXPECT_EQ(folder.finding("raeson"),
            "goals/initiation.md:2 error: the variable 'raeson' is not declared in topic.yaml; did you mean 'reason'?");
}

TEST(TopicLint, ADeclaredButUnusedOneIsAWarning) {
  Folder folder;
  folder.append("goals/topic.yaml", "  - {name: mood, source: user, type: string}\n");
  EXPECT_EQ(folder.finding("mood"), "goals/topic.yaml warning: the parameter 'mood' is declared but never used");
}

TEST(TopicLint, ABusinessSourceThatNamesNoSectionIsAWarning) {
  Folder folder;
  folder.append("goals/topic.yaml", "  - {name: mood, source: business.moods, type: string}\n");
  EXPECT_NE(folder.finding("business.moods")
                .find("warning: the parameter 'mood' comes from 'business.moods', which is "
                      "read as 'business.foundation.moods'"),
            std::string::npos);
}

TEST(TopicLint, TheSystemPromptMustNotChangeFromTurnToTurn) {
  Folder folder;
  folder.append("goals/system.md", "\n{{current_phase}}\n");
  EXPECT_NE(folder.finding("current_phase").find("error: 'current_phase' changes from turn to turn"),
            std::string::npos);
}

TEST(TopicLint, AParameterMustBeWhatTheRequestSchemaSays) {
  Folder folder;
  folder.append("goals/topic.yaml", "  - {name: team, source: request, type: list, required: true}\n");
  folder.replace("goals/request.schema.json", "\"properties\": {",
                 "\"properties\": {\"team\": {\"type\": \"string\"},");
  EXPECT_EQ(folder.finding("'team' is a list"),
            "goals/request.schema.json error: the parameter 'team' is a list in topic.yaml, and something else here");
  EXPECT_EQ(folder.finding("'team' is required"),
            "goals/request.schema.json error: the parameter 'team' is required, but not in 'required' here");
}

TEST(TopicLint, ADefaultValueMustBeOfItsParametersType) {
  Folder folder;
  folder.append("goals/topic.yaml", "  - {name: mood, source: user, type: list, default_value: calm}\n");
  EXPECT_EQ(folder.finding("default value"), "goals/topic.yaml error: the default value of 'mood' is no list");
}

TEST(TopicLint, AScriptWithoutAPhaseIsAnError) {
  Folder folder;
  folder.replace("goals/offline.yaml", "  deepening:", "  deeper:");
  EXPECT_NE(folder.finding("deepening").find("error: "), std::string::npos) << folder.finding("deepening");
}

TEST(TopicLint, ARequestVariableMustBeInTheRequestSchema) {
  Folder folder;
  folder.append("goals/topic.yaml", "  - {name: mood, source: request, type: string}\n");
  folder.append("goals/system.md", "{{mood}}");
  EXPECT_NE(folder.finding("mood").find("goals/request.schema.json error"), std::string::npos);
}

TEST(TopicLint, AnUnclosedSectionIsNamedWithItsLine) {
  Folder folder;
  folder.replace("goals/resume.md", "The coachee", "{{#role}}The coachee");
  EXPECT_EQ(folder.finding("never closed"), "goals/resume.md:1 error: the section 'role' is never closed");
}

TEST(TopicLint, ASchemaMayUseItsOwnDefinitions) {
  Folder folder;
  folder.replace("goals/result.schema.json", "\"properties\": {",
                 R"("$defs": {"note": {"type": ["string", "null"]}, "loop": {"$ref": "#/$defs/loop"}}, "properties": {)"
                 R"("note": {"$ref": "#/$defs/note"},)");
  folder.replace("goals/result.schema.json", "\"required\": [", "\"required\": [\"note\", ");
  EXPECT_NE(folder.finding("circles").find("goals/result.schema.json error"), std::string::npos);
  folder.replace("goals/result.schema.json", R"(, "loop": {"$ref": "#/$defs/loop"})", "");
  EXPECT_EQ(folder.finding("result.schema.json"), "not found, but:\n");
}

TEST(TopicLint, AConversationReadsNoWebsite) {
  Folder folder;
  folder.append("goals/topic.yaml", "  - {name: page, source: website, type: object}\n");
  EXPECT_EQ(folder.finding("website"),
            "goals/topic.yaml error: the parameter 'page' comes from the website, which is read for analyses alone");
}

TEST(TopicLint, ATwoMegabyteTemplateIsRefused) {
  Folder folder;
  folder.append("goals/system.md", std::string(2'000'000, 'x'));
  EXPECT_NE(folder.finding("larger than").find("goals/system.md error"), std::string::npos);
}

TEST(TopicLint, TheOfflineScriptMustCoverEveryPhase) {
  Folder folder;
  folder.replace("goals/offline.yaml", "  synthesis:", "  sinthesis:");
  EXPECT_NE(folder.finding("synthesis").find("the phase 'synthesis' is missing"), std::string::npos);
}

TEST(TopicLint, TheOfflineScriptAsksNothingTwice) {
  Folder folder;
  folder.replace("goals/offline.yaml", "What stands in the way?", "What makes this matter to you?");
  EXPECT_NE(folder.finding("would be asked twice").find("goals/offline.yaml error"), std::string::npos);
}

TEST(TopicLint, ASectionOverAListMayUseItsMembers) {
  Folder folder;
  folder.append("goals/topic.yaml", "  - {name: colleagues, source: request, type: list}\n");
  folder.replace("goals/request.schema.json", "\"role\":", "\"colleagues\": {\"type\": \"array\"}, \"role\":");
  folder.append("goals/system.md", "{{#colleagues}}{{first_name}} ({{task}}){{/colleagues}}");
  EXPECT_NE(folder.finding("colleagues").find("not found, but:\n"), std::string::npos) << folder.finding("colleagues");
}

std::string strict(std::string_view schema) {
  const auto findings = lint_strict_schema(json::parse(schema), "s");
  return findings.empty() ? "" : findings.front().message;
}

TEST(TopicLint, KnowsTheStrictSubset) {
  EXPECT_EQ(
      strict(
          R"({"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":["string","null"]}}})"),
      "");
  EXPECT_EQ(strict(R"({"type":"array","items":{"type":"string"}})"), "(root): the root must have type object");
  EXPECT_EQ(strict(R"({"type":"object","required":["a"],"properties":{"a":{"type":"string"}}})"),
            "(root): needs \"additionalProperties\": false");
  EXPECT_EQ(
      strict(R"({"type":"object","additionalProperties":false,"required":[],"properties":{"a":{"type":"string"}}})"),
      "a: must be in 'required'; what is optional has \"type\": [\"…\", \"null\"]");
  EXPECT_EQ(
      strict(
          R"({"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":"string","minLength":1}}})"),
      "a: 'minLength' is not in the subset that strict structured output accepts");
  EXPECT_EQ(
      strict(R"({"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":"text"}}})"),
      "a: the type is not one of object, array, string, number, integer, boolean, null");
  EXPECT_EQ(
      strict(R"({"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":"array"}}})"),
      "a: a list needs 'items'");
  EXPECT_EQ(
      strict(
          R"({"type":"object","additionalProperties":false,"required":["a","b"],"properties":{"a":{"type":"string"}}})"),
      "(root): 'required' lists \"b\", which is not in 'properties'");
}

}  // namespace
}  // namespace coaching
