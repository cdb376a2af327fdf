#include "http/analysis.hpp"

#include "coaching/analysis.hpp"
#include "coaching/topic_versions.hpp"

namespace http {
namespace {

using base::Task;
using coaching::Coaching;
namespace json = base::json;

coaching::Owner owner_of(const Caller& caller) { return {caller.tenant_id, caller.user_id}; }

std::string_view origin_of(const coaching::Analysis& analysis) {
  if (analysis.topic_scope.empty()) return "built_in";
  return analysis.topic_scope == coaching::kAllTenants ? "all_tenants" : "tenant";
}

json::object metadata_of(const coaching::Analysis& analysis) {
  json::object metadata{{"user_id", analysis.owner.user_id},
                        {"tenant_id", analysis.owner.tenant_id},
                        {"topic_version", analysis.topic_scope.empty() ? 0 : analysis.topic_version},
                        {"topic_origin", origin_of(analysis)},
                        {"cached", analysis.cached},
                        {"usage",
                         {{"prompt_tokens", analysis.prompt_tokens},
                          {"completion_tokens", analysis.completion_tokens},
                          {"total_tokens", analysis.prompt_tokens + analysis.completion_tokens},
                          {"model", analysis.model},
                          {"cost_usd", analysis.cost_usd}}}};
  if (!analysis.business_context.empty()) metadata["business_context"] = analysis.business_context;
  return metadata;
}

// The result's own members stand beside those that all analyses have.
json::object body_of(const coaching::Analysis& analysis) {
  json::object body{{"analysis_id", analysis.analysis_id}, {"analysis_type", analysis.topic}};
  for (const auto& member : analysis.result.as_object()) body.emplace(member.key(), member.value());
  body["created_at"] = base::to_json(analysis.created_at);
  body["metadata"] = metadata_of(analysis);
  return body;
}

// RFC 9111, 5.2.1.4.
bool wants_fresh(const Request& request) {
  const auto directives = base::to_lower(request.header("cache-control"));
  return directives.find("no-cache") != std::string::npos || directives.find("no-store") != std::string::npos;
}

Task<Response> run(const Coaching& coaching, const Call& call) {
  coaching::AnalysisRequest request;
  request.topic = call.path("analysis_id");
  request.input = call.input.body.as_object();
  request.tier = call.caller.tier;
  request.user_name = base::PrivateText(call.caller.name);
  request.token = call.token();
  request.idempotency_key = call.request.header("idempotency-key");
  request.fresh = wants_fresh(call.request);
  const auto analysis = co_await coaching::run_analysis(coaching, owner_of(call.caller), std::move(request));
  auto response = Response::json(201, body_of(*analysis));
  response.headers.emplace_back("Location", "/api/v1/analysis/" + analysis->analysis_id);
  co_return response;
}

Task<Response> get(const Coaching& coaching, const Call& call) {
  const auto analysis = co_await coaching::find_analysis(coaching, owner_of(call.caller), call.path("analysis_id"));
  co_return Response::json(200, body_of(*analysis));
}

Task<Response> list(const Coaching& coaching, const Call& call) {
  const auto page = call.number_parameter("page");
  const auto page_size = call.number_parameter("page_size");
  const auto got =
      co_await coaching::list_analyses(coaching, owner_of(call.caller), call.text_parameter("topic"), page, page_size);
  json::array analyses;
  for (const auto& entry : got.analyses) {
    analyses.push_back({{"analysis_id", entry.analysis_id},
                        {"analysis_type", entry.topic},
                        {"cached", entry.cached},
                        {"created_at", base::to_json(entry.created_at)}});
  }
  co_return Response::json(200, {{"analyses", std::move(analyses)},
                                 {"total", got.total},
                                 {"page", page},
                                 {"page_size", page_size},
                                 {"has_more", page * page_size < got.total}});
}

Task<Response> erase(const Coaching& coaching, const Call& call) {
  co_await coaching::delete_analysis(coaching, owner_of(call.caller), call.path("analysis_id"));
  co_return Response::no_content();
}

}  // namespace

void add_analyses(Handlers& handlers, const Coaching& coaching) {
  const auto add = [&](const char* operation_id, auto handler) {
    handlers.emplace(operation_id, [&coaching, handler](const Call& call) { return handler(coaching, call); });
  };
  add("run_analysis", run);
  add("get_analysis", get);
  add("list_analyses", list);
  add("delete_analysis", erase);
}

}  // namespace http
