#include "coaching/analysis_lint.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "coaching/analysis_samples.hpp"
#include "llm/offline_analysis.hpp"

namespace coaching {
namespace {

namespace json = boost::json;

// A topic with one file changed. Tests run in the repository's root.
struct Folder {
  explicit Folder(const std::string& topic = "alignment")
      : origin("topics/" + topic), files(read_topic_folder(origin)) {}

  std::string origin;
  TopicFiles files;

  Folder& replace(const std::string& file, const std::string& from, const std::string& to) {
    auto& text = files.at(file);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return *this;
  }
  // "file:line message" of the first finding.
  std::string finding() const {
    const auto topic = read_topic(files, shared_topic_files("topics"), origin);
    for (const auto& found : lint_analysis(topic)) {
      return found.file + (found.line ? ":" + std::to_string(*found.line) : "") + " " + found.message;
    }
    return "";
  }
};

std::vector<std::shared_ptr<const Topic>> analyses() {
  std::vector<std::shared_ptr<const Topic>> all;
  for (const auto& topic : Topics::load("topics").all()) {
    if (topic->kind == TopicKind::analysis) all.push_back(topic);
  }
  return all;
}

// The texts of a request, each replaced.
void change_texts(json::value& value, std::string_view text) {
  if (value.is_string() && value.get_string().size() > 20) value = json::value(text);
  if (auto* list = value.if_array()) {
    for (auto& element : *list) change_texts(element, text);
  }
  if (auto* object = value.if_object()) {
    for (auto& member : *object) change_texts(member.value(), text);
  }
}

TEST(Analyses, AreAllClean) {
  ASSERT_FALSE(analyses().empty());
  for (const auto& topic : analyses()) {
    for (const auto& found : lint(*topic)) ADD_FAILURE() << found.file << ": " << found.message;
  }
}

TEST(Analyses, AnswerOfflineWithWhatIsInTheInput) {
  for (const auto& topic : analyses()) {
    const auto example = with_context(*topic, topic->example.at("request"), example_context(*topic));
    auto other = example;
    change_texts(other,
                 "Our old printer is often broken because nobody cleans it, and Tom will call a dealer by May 2027.");
    const auto answer = [&](const json::value& request) {
      return base::write_json(llm::offline::analysis_of(&topic->offline, &request, &topic->result_schema));
    };
    EXPECT_EQ(answer(example), answer(example)) << topic->id;
    EXPECT_NE(answer(example), answer(other)) << topic->id << " says the same to everything";
    EXPECT_NE(answer(other).find("printer"), std::string::npos) << topic->id << " does not use the words it was given";
  }
}

TEST(AnalysisLint, NamesTheLineOfAFormulasFault) {
  EXPECT_EQ(Folder().replace("offline.yaml", "= dates(text)", "= datse(text)").finding(),
            "alignment/offline.yaml:17 facts.dates_given: the function 'datse' is not known; did you mean 'date'?");
}

TEST(AnalysisLint, AFieldThatNoPromptCanUseIsAnError) {
  EXPECT_EQ(
      Folder().replace("topic.yaml", "name: context\n    source: request", "name: context\n    source: user").finding(),
      "alignment/topic.yaml the request's field 'context' is not among the parameters (source: request), so no prompt "
      "can use it");
}

TEST(AnalysisLint, WhatPeopleWriteMustStandBetweenMarks) {
  EXPECT_NE(Folder()
                .replace("instruction.md", "<<< text_to_analyze\n", "")
                .finding()
                .find("alignment/instruction.md what people write must stand between"),
            std::string::npos);
}

TEST(AnalysisLint, AnExampleMustBeAValidRequest) {
  EXPECT_EQ(Folder().replace("example.json", "text_to_analyze", "text").finding().substr(0, 31),
            "alignment/example.json request.");
}

TEST(AnalysisLint, ReadsMustBeParametersAndFields) {
  EXPECT_EQ(Folder().replace("offline.yaml", "text: text_to_analyze", "text: text_to_analyse").finding(),
            "alignment/offline.yaml:3 reads 'text_to_analyse', but 'text_to_analyse' is not a parameter of topic.yaml; "
            "did you "
            "mean 'text_to_analyze'?");
  EXPECT_EQ(Folder().replace("offline.yaml", "context.goals", "context.gaols").finding(),
            "alignment/offline.yaml:6 reads 'context.gaols', which is not in request.schema.json");
}

TEST(AnalysisLint, AnAnswerThatDoesNotFitIsAnError) {
  EXPECT_EQ(Folder().replace("offline.yaml", "overall_assessment:", "overall_assesment:").finding(),
            "alignment/offline.yaml:57 result.overall_assesment is not in result.schema.json; did you mean "
            "'overall_assessment'?");
  EXPECT_NE(Folder()
                .replace("offline.yaml", "priority: high", "priority: urgent")
                .finding()
                .find("recommendations[].priority is not one of the words"),
            std::string::npos);
}

TEST(AnalysisLint, AWebsiteIsNamedByTheRequest) {
  EXPECT_EQ(Folder("website_scan").finding(), "");
  auto unnamed = Folder("website_scan");
  for (auto& file : {"topic.yaml", "request.schema.json", "example.json", "instruction.md"}) {
    for (auto at = unnamed.files.at(file).find("website_url"); at != std::string::npos;
         at = unnamed.files.at(file).find("website_url")) {
      unnamed.files.at(file).replace(at, 11, "address");
    }
  }
  EXPECT_EQ(
      unnamed.finding(),
      "website_scan/request.schema.json a parameter comes from the website, but there is no 'website_url' to name "
      "it");
}

TEST(AnalysisLint, WhatAPageSaysMustStandBetweenMarks) {
  EXPECT_NE(Folder("website_scan")
                .replace("instruction.md", "<<< page\n", "")
                .finding()
                .find("website_scan/instruction.md what people write must stand between"),
            std::string::npos);
}

TEST(AnalysisLint, AResultMustNotHideWhatEveryAnalysisHas) {
  for (const std::string name : {"analysis_id", "analysis_type", "created_at", "metadata"}) {
    EXPECT_EQ(Folder()
                  .replace("result.schema.json", "\"strengths\"", "\"" + name + "\"")
                  .replace("result.schema.json", "\"strengths\"", "\"" + name + "\"")
                  .replace("offline.yaml", "  strengths:", "  " + name + ":")
                  .finding(),
              "alignment/result.schema.json '" + name + "' is a member that every analysis has; name it otherwise");
  }
}

}  // namespace
}  // namespace coaching
