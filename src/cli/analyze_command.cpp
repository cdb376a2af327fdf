#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "cli/analysis_input.hpp"
#include "cli/api_client.hpp"
#include "cli/commands.hpp"
#include "cli/json_input.hpp"
#include "cli/outline.hpp"
#include "cli/service_access.hpp"
#include "cli/terminal.hpp"

namespace cli {
namespace {

namespace json = base::json;

struct Arguments {
  ServiceAccess access;
  std::string topic;
  std::string file;  // "-" for standard input, "" for none
  std::vector<std::string> sets;
  bool as_json = false;
};

struct TopicView {
  std::string id;
  std::string kind;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(TopicView, (), (id, kind, name))

struct UsageView {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::string model;
  double cost_usd = 0;
};
BOOST_DESCRIBE_STRUCT(UsageView, (), (prompt_tokens, completion_tokens, model, cost_usd))

struct MetadataView {
  bool cached = false;
  UsageView usage;
};
BOOST_DESCRIBE_STRUCT(MetadataView, (), (cached, usage))

TopicView find_topic(ApiClient& client, const std::string& id) {
  std::vector<std::string> known;
  for (const auto& element : client.get("/api/v1/topics").at("topics").as_array()) {
    auto topic = base::from_json<TopicView>(element);
    if (topic.kind != "analysis") continue;
    if (topic.id == id) return topic;
    known.push_back(topic.id);
  }
  const auto near = base::nearest(id, known);
  throw UsageError(fmt::format(
      "there is no analysis {}; {}", id,
      near.empty() ? fmt::format("there are {}", fmt::join(known, ", ")) : fmt::format("did you mean {}?", near)));
}

json::object read_input(const Arguments& arguments, const json::value& schema) {
  json::value input = json::object();
  if (!arguments.file.empty()) input = read_json_input(arguments.file);
  if (!input.is_object()) throw UsageError(fmt::format("--input {}: must be a JSON object", arguments.file));
  for (const auto& assignment : arguments.sets) set_member(input.get_object(), schema, assignment);
  if (const auto missing = explain_missing(arguments.topic, schema, input.get_object()); !missing.empty()) {
    throw UsageError(missing);
  }
  return std::move(input.get_object());
}

void print_analysis(const Style& style, const TopicView& topic, const json::value& analysis) {
  static constexpr std::array<std::string_view, 4> kCommon{"analysis_id", "analysis_type", "created_at", "metadata"};
  json::object result;  // in the order that the model was asked for
  for (const auto& [name, member] : analysis.as_object()) {
    if (std::ranges::find(kCommon, std::string_view(name)) == kCommon.end()) result.emplace(name, member);
  }
  const auto metadata = base::from_json<MetadataView>(analysis.at("metadata"));
  const std::string_view id = analysis.at("analysis_id").as_string();
  const auto& usage = metadata.usage;
  const auto cost = metadata.cached ? std::string("the answer to an equal request before")
                                    : fmt::format("{} + {} tokens, ${:.4f}", usage.prompt_tokens,
                                                  usage.completion_tokens, usage.cost_usd);
  print(style.bold(topic.name) + "\n\n" + outline(result, style.width) + "\n");
  print(style.faint(fmt::format("{}\n{}: {}", id, printable(usage.model), cost)) + "\n");
}

int run_analysis(const Arguments& arguments) {
  require_service(arguments.access);
  const InterruptFlag interrupt;
  ApiClient client(arguments.access.url, access_token(arguments.access), &interrupt);
  const auto topic = find_topic(client, arguments.topic);
  const auto given = client.get(fmt::format("/api/v1/topics/{}/schema", topic.id)).at("request_schema");
  const auto input = read_input(arguments, base::resolve_references(given, given));
  const auto analysis = client.post(fmt::format("/api/v1/analysis/{}", topic.id), input);
  if (arguments.as_json) {
    print(base::write_json(analysis) + "\n");
  } else {
    print_analysis(detect_style(), topic, analysis);
  }
  return kOk;
}

}  // namespace

void add_analyze(CLI::App& root, Chosen& chosen) {
  auto* command = root.add_subcommand("analyze", "Have something analysed, and read the result");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("TOPIC", arguments->topic, "the analysis: alignment, strategy, kpi, operations, …")->required();
  command->add_option("--input", arguments->file, "the request, a JSON object in a file; - for standard input")
      ->type_name("FILE");
  command->add_option("--set", arguments->sets, "a member of the request, repeatable: --set context.goal='More guests'")
      ->type_name("MEMBER=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--json", arguments->as_json, "print the service's answer as it is");
  add_access_flags(*command, arguments->access);
  add_place_flags(*command, arguments->access.flags);
  command->footer(
      "Without what the analysis needs it tells what that is. A list takes JSON, or one --set for each element.\n\n"
      "Examples:\n"
      "  purposepath analyze operations --set analysis_type=swot \\\n"
      "    --set description='Customers recommend us, but spare parts often arrive late.'\n"
      "  purposepath analyze alignment --input request.json --set context.purpose='Good bread for everybody'\n"
      "  jq -n --rawfile text plan.txt '{current_strategy: $text}' | purposepath analyze strategy --input - --json");
  command->callback([arguments, &chosen] { chosen = [arguments] { return run_analysis(*arguments); }; });
}

}  // namespace cli
