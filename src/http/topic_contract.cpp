#include "http/topic_contract.hpp"

#include <fmt/format.h>

#include "base/schema.hpp"

namespace http {
namespace {

namespace json = base::json;

constexpr std::string_view kGenericPath = "/api/v1/analysis/{analysis_id}";

// Schemas inside the document: their own references would be looked for at its root.
json::object inlined(const json::value& schema) {
  auto whole = base::resolve_references(schema, schema).as_object();
  whole.erase("$defs");
  whole.erase("$schema");
  return whole;
}

// The result's members with those that all analyses have.
json::object answer_schema(const coaching::Topic& topic, const json::value& common) {
  auto schema = inlined(topic.result_schema);
  auto& properties = schema["properties"];
  if (!properties.is_object()) properties = json::object();
  for (const auto& member : common.at("properties").as_object()) {
    properties.as_object().insert_or_assign(member.key(), member.value());
  }
  auto& required = schema["required"];
  if (!required.is_array()) required = json::array();
  for (const auto& name : common.at("required").as_array()) required.as_array().push_back(name);
  return schema;
}

std::string description_of(const coaching::Topic& topic) {
  const auto tier = topic.tier == "free" ? "" : fmt::format(" Needs the tier {} or higher.", topic.tier);
  return fmt::format("{}{}\n\nIdempotency, caching and failures are as for any analysis: see `run_analysis`.",
                     topic.description, tier);
}

json::object operation_for(const coaching::Topic& topic, const json::object& generic, const json::value& common) {
  auto operation = generic;
  operation["operationId"] = "run_analysis_" + topic.id;
  operation["summary"] = topic.name;
  operation["description"] = description_of(topic);
  json::array parameters;
  for (const auto& parameter : generic.at("parameters").as_array()) {
    const auto* where = parameter.as_object().if_contains("in");
    if (where == nullptr || *where != "path") parameters.push_back(parameter);
  }
  operation["parameters"] = std::move(parameters);
  json::object body{{"schema", inlined(topic.request_schema)}};
  const auto* example = topic.example.is_object() ? topic.example.get_object().if_contains("request") : nullptr;
  if (example != nullptr) body["example"] = *example;
  operation["requestBody"] = {{"required", true}, {"content", {{"application/json", std::move(body)}}}};
  auto& answer = operation["responses"].as_object()["201"].as_object();
  answer["content"] = {{"application/json", {{"schema", answer_schema(topic, common)}}}};
  return operation;
}

}  // namespace

std::string with_topic_paths(std::string_view openapi,
                             const std::vector<std::shared_ptr<const coaching::Topic>>& topics) {
  json::value document = json::parse(openapi);
  const auto& common = document.at("components").at("schemas").at("Analysis");
  const auto generic = document.at("paths").at(kGenericPath).at("post").as_object();
  json::object paths;
  for (const auto& path : document.at("paths").as_object()) {
    if (path.key() == kGenericPath) {  // the analyses stand before the path that takes any
      for (const auto& topic : topics) {
        if (topic->kind != coaching::TopicKind::analysis) continue;
        paths[fmt::format("/api/v1/analysis/{}", topic->id)] = {{"post", operation_for(*topic, generic, common)}};
      }
    }
    paths[path.key()] = path.value();
  }
  document.as_object()["paths"] = std::move(paths);
  return base::write_json(document);
}

}  // namespace http
