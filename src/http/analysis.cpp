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

// RFC 9111, 5.2.1.4.
bool wants_fresh(const Request& request) {
  const auto directives = base::to_lower(request.header("cache-control"));
  return directives.find("no-cache") != std::string::npos || directives.find("no-store") != std::string::npos;
}

// RFC 7240: tokens between commas, in any number of headers.
bool prefers_async(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (name != "prefer") continue;
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      if (base::to_lower(base::trim(rest.substr(0, comma))) == "respond-async") return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

Response accepted(const coaching::Job& job, bool asked_for) {
  auto response = Response::json(
      202,
      {{"job_id", job.job_id}, {"status", base::name_of(job.status)}, {"created_at", base::to_json(job.created_at)}});
  response.headers.emplace_back("Location", "/api/v1/jobs/" + job.job_id);
  if (asked_for) response.headers.emplace_back("Preference-Applied", "respond-async");
  return response;
}

Task<Response> run(const Coaching& coaching, const Call& call) {
  coaching::AnalysisRequest request;
  request.topic = call.path("analysis_id");
  request.input = call.input.body.as_object();
  request.tier = call.caller.tier;
  request.user_name = base::PrivateText(call.caller.name);
  request.token = call.token();
  request.trace = call.request.trace;
  request.idempotency_key = call.request.header("idempotency-key");
  request.fresh = wants_fresh(call.request);
  const bool respond_async = request.respond_async = prefers_async(call.request);
  const auto answer = co_await coaching::run_analysis(coaching, owner_of(call.caller), std::move(request));
  if (answer.job) co_return accepted(*answer.job, respond_async);
  auto response = Response::json(201, analysis_body(*answer.analysis));
  response.headers.emplace_back("Location", "/api/v1/analysis/" + answer.analysis->analysis_id);
  co_return response;
}

Task<Response> get(const Coaching& coaching, const Call& call) {
  const auto analysis = co_await coaching::find_analysis(coaching, owner_of(call.caller), call.path("analysis_id"));
  co_return Response::json(200, analysis_body(*analysis));
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

json::object analysis_body(const coaching::Analysis& analysis) {
  json::object body{{"analysis_id", analysis.analysis_id}, {"analysis_type", analysis.topic}};
  for (const auto& member : analysis.result.as_object()) body.emplace(member.key(), member.value());
  body["created_at"] = base::to_json(analysis.created_at);
  body["metadata"] = metadata_of(analysis);
  return body;
}

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
