#include "cli/topics_answer.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "cli/commands.hpp"
#include "cli/json_input.hpp"
#include "cli/run.hpp"
#include "coaching/analysis_samples.hpp"
#include "coaching/topic.hpp"
#include "coaching/topic_lint.hpp"
#include "llm/offline_analysis.hpp"

namespace cli {
namespace {

base::json::value read_request(const coaching::Topic& topic, const std::string& file) {
  if (file.empty()) {
    if (!topic.example.is_object()) throw UsageError("the topic has no example.json: name a request with --request");
    return topic.example.at("request");
  }
  return read_json_input(file);
}

}  // namespace

int answer_topic(const std::string& folder, const std::string& request) {
  const auto path = std::filesystem::path(folder).lexically_normal();
  const auto topic = coaching::read_topic(coaching::read_topic_folder(path.string()),
                                          coaching::shared_topic_files(path.parent_path().string()), path.string());
  if (topic.kind != coaching::TopicKind::analysis) throw UsageError(fmt::format("{} is no analysis", topic.id));
  const auto input = read_request(topic, request);
  // What comes from elsewhere than the request is the example's, or unknown.
  const auto context = request.empty() ? coaching::example_context(topic) : base::json::value(base::json::object());
  const base::Schema schema(base::resolve_references(topic.request_schema, topic.request_schema));
  const auto faults = schema.faults(input);
  for (const auto& fault : faults) fmt::print(stderr, "{} {}\n", fault.field, fault.message);
  if (!faults.empty()) return kFailure;
  const auto values = coaching::with_context(topic, input, context);
  fmt::print("{}\n", base::write_json(llm::offline::analysis_of(&topic.offline, &values, &topic.result_schema)));
  return kOk;
}

}  // namespace cli
