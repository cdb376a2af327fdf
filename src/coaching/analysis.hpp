#pragma once
// Analyses: a request by a topic's schema, one question to a model, a result by the topic's schema. What is stored is the
// result, never the request.
#include <boost/describe.hpp>
#include <memory>
#include <string>
#include <vector>

#include "coaching/jobs.hpp"
#include "coaching/options.hpp"
#include "coaching/records.hpp"
#include "coaching/topic.hpp"

namespace coaching {

struct Analysis {
  std::string analysis_id;
  Owner owner;
  std::string topic;
  std::string topic_scope;  // whose version: a tenant, "*" for all tenants, "" for the built-in
  std::int64_t topic_version = 0;
  std::string request_hash;  // hex SHA-256
  base::json::value result;  // by the topic's result schema
  std::string model;  // who made the result, as the vendor names it
  std::int64_t prompt_tokens = 0;  // of all calls it took; nothing when it came from the cache
  std::int64_t completion_tokens = 0;
  double cost_usd = 0;
  bool cached = false;  // the result was made for an equal request before
  std::string response_hash;  // where the response cache has it
  base::json::object business_context;  // what its prompt took from where: shown_context(); empty for nothing
  base::Time created_at{};
};
BOOST_DESCRIBE_STRUCT(Analysis, (),
                      (analysis_id, owner, topic, topic_scope, topic_version, request_hash, result, model,
                       prompt_tokens, completion_tokens, cost_usd, cached, response_hash, business_context, created_at))

// In a user's list.
struct AnalysisEntry {
  std::string analysis_id;
  std::string topic;
  bool cached = false;
  base::Time created_at{};
};
BOOST_DESCRIBE_STRUCT(AnalysisEntry, (), (analysis_id, topic, cached, created_at))

struct AnalysisRequest {
  std::string topic;
  base::json::object input;  // by the topic's request schema
  std::string tier;
  base::PrivateText user_name;
  base::PrivateText token;  // the caller's, to read the business context with
  telemetry::Trace trace;
  std::string idempotency_key;  // "" for none
  bool fresh = false;  // asks a model even when the response cache has an answer
  bool respond_async = false;  // as a job at once
};

// One of the two.
struct AnalysisAnswer {
  std::shared_ptr<const Analysis> analysis;
  std::optional<Job> job;  // that makes it
};
// Makes and stores the analysis. One that is not there after options.analysis.wait becomes a job and goes on as such;
// before that nothing is written. With an idempotency key a repeat gets the same analysis, or the job that is at work on
// it, and nothing is run twice. Throws Error: topic_not_found, forbidden (tier), validation_error with fields as the
// client wrote them, or with the business data that is needed and not on record, dependency_unavailable when that cannot
// be read, idempotency_mismatch, conflict (the first request of that key is still at work), llm_error when there is no
// valid result (then nothing is stored but the raw answer, for the operator), and what ask_model throws.
base::Task<AnalysisAnswer> run_analysis(const Coaching& coaching, Owner owner, AnalysisRequest request);

// Throws Error{analysis_not_found}, also when it is somebody else's.
base::Task<std::shared_ptr<const Analysis>> find_analysis(const Coaching& coaching, Owner owner,
                                                          std::string analysis_id);

struct AnalysisPage {
  std::vector<AnalysisEntry> analyses;  // newest first
  std::int64_t total = 0;
};
// Pages count from 1; topic "" for all.
base::Task<AnalysisPage> list_analyses(const Coaching& coaching, Owner owner, std::string topic, std::int64_t page,
                                       std::int64_t page_size);

// Erases it for good, with what the response cache and the raw answers have of it. Throws Error{analysis_not_found}.
base::Task<> delete_analysis(const Coaching& coaching, Owner owner, std::string analysis_id);

}  // namespace coaching
