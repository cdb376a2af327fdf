#include "http/jobs.hpp"

#include <algorithm>

#include "coaching/analysis.hpp"
#include "coaching/job_access.hpp"
#include "http/analysis.hpp"
#include "http/topic_administration.hpp"

namespace http {
namespace {

using base::Code;
using base::Error;
using base::Task;
using coaching::Coaching;
using coaching::Job;
using coaching::JobStatus;
namespace json = base::json;

coaching::Owner owner_of(const Caller& caller) { return {caller.tenant_id, caller.user_id}; }

// Which server gave what answer is for the operator.
std::string message_for_owner(const Job& job) {
  if (job.error == "llm_error") return "The model gave no usable answer.";
  if (job.error == "llm_unavailable") return "The model could not be reached.";
  if (job.error == "llm_timeout") return "The model took too long to answer.";
  if (job.error == "dependency_unavailable" || job.error == "internal_error" || job.message.empty()) {
    return "Something went wrong on our side.";
  }
  return job.message;
}

json::value error_of(const Job& job, std::string message) {
  if (job.error.empty()) return nullptr;
  return {{"error", job.error}, {"message", std::move(message)}};
}

// A job that is tried again has not failed.
json::object job_body(const Job& job) {
  const bool failed = job.status == JobStatus::failed;
  return {{"job_id", job.job_id},
          {"kind", job.kind},
          {"topic", job.topic},
          {"status", base::name_of(job.status)},
          {"attempts", job.attempts},
          {"created_at", base::to_json(job.created_at)},
          {"updated_at", base::to_json(job.updated_at)},
          {"error", failed ? error_of(job, message_for_owner(job)) : json::value(nullptr)}};
}

Task<json::value> result_of(const Coaching& coaching, const Job& job) {
  if (job.kind != coaching::kAnalysisJob || job.status != JobStatus::completed) co_return nullptr;
  try {
    co_return analysis_body(*co_await coaching::find_analysis(coaching, job.owner, job.reference));
  } catch (const Error& error) {
    if (error.code != Code::analysis_not_found) throw;
  }
  co_return nullptr;  // deleted since
}

json::object page_body(const Call& call, json::array jobs, std::int64_t total) {
  const auto page = call.number_parameter("page");
  const auto page_size = call.number_parameter("page_size");
  return {{"jobs", std::move(jobs)},
          {"total", total},
          {"page", page},
          {"page_size", page_size},
          {"has_more", page * page_size < total}};
}

Task<Response> get(const Coaching& coaching, const Call& call) {
  const auto job = co_await coaching::find_job(coaching, owner_of(call.caller), call.path("job_id"));
  auto body = job_body(job);
  body["result"] = co_await result_of(coaching, job);
  co_return Response::json(200, body);
}

Task<Response> list(const Coaching& coaching, const Call& call) {
  const auto got = co_await coaching::list_jobs(coaching, owner_of(call.caller), call.number_parameter("page"),
                                                call.number_parameter("page_size"));
  json::array jobs;
  for (const auto& job : got.jobs) jobs.push_back(job_body(job));
  co_return Response::json(200, page_body(call, std::move(jobs), got.total));
}

Task<Response> cancel(const Coaching& coaching, const Call& call) {
  co_await coaching::cancel_job(coaching, owner_of(call.caller), call.path("job_id"));
  co_return Response::no_content();
}

// Whose jobs an administrator means; "" for those of all tenants.
std::string tenant_of(const Call& call) {
  if (call.text_parameter("scope") != "all") return call.caller.tenant_id;
  if (std::ranges::find(call.caller.roles, kOperatorRole) == call.caller.roles.end()) {
    throw Error(Code::forbidden, "the jobs of all tenants are the operator's: purposepath jobs list");
  }
  return "";
}

Task<Response> admin_list(const Coaching& coaching, const Call& call) {
  coaching::JobQuery query;
  query.tenant_id = tenant_of(call);
  if (const auto status = call.text_parameter("status"); !status.empty()) {
    query.status = base::enum_from<JobStatus>(status);
  }
  query.kind = call.text_parameter("kind");
  query.page = call.number_parameter("page");
  query.page_size = call.number_parameter("page_size");
  const auto got = co_await coaching::all_jobs(coaching.store, std::move(query));
  json::array jobs;
  for (const auto& job : got.jobs) jobs.push_back(admin_job_body(job));
  co_return Response::json(200, page_body(call, std::move(jobs), got.total));
}

Task<Response> admin_retry(const Coaching& coaching, const Call& call) {
  const auto job = co_await coaching::retry_job(coaching, owner_of(call.caller), tenant_of(call), call.path("job_id"));
  co_return Response::json(200, admin_job_body(job));
}

}  // namespace

json::object admin_job_body(const Job& job) {
  const bool expires = job.expires_at > base::Time{};
  return {{"job_id", job.job_id},
          {"kind", job.kind},
          {"tenant_id", job.owner.tenant_id},
          {"user_id", job.owner.user_id},
          {"reference", job.reference},
          {"topic", job.topic},
          {"status", base::name_of(job.status)},
          {"attempts", job.attempts},
          {"due_at", base::to_json(job.due_at)},
          {"created_at", base::to_json(job.created_at)},
          {"updated_at", base::to_json(job.updated_at)},
          {"expires_at", expires ? base::to_json(job.expires_at) : json::value(nullptr)},
          {"error", error_of(job, job.message.empty() ? job.error : job.message)}};
}

void add_jobs(Handlers& handlers, const Coaching& coaching) {
  const auto add = [&](const char* operation_id, auto handler) {
    handlers.emplace(operation_id, [&coaching, handler](const Call& call) { return handler(coaching, call); });
  };
  add("get_job", get);
  add("list_jobs", list);
  add("cancel_job", cancel);
  add("admin_list_jobs", admin_list);
  add("admin_retry_job", admin_retry);
}

}  // namespace http
