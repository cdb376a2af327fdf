#pragma once
// An analysis on its way, be it a request's or a job's.
#include <memory>
#include <optional>
#include <string>

#include "coaching/analysis.hpp"
#include "coaching/analysis_records.hpp"
#include "coaching/live_job.hpp"
#include "coaching/response_cache.hpp"

namespace coaching {

// What somebody asked for. Of a job it lies in the store beside it, until the job's end.
struct AnalysisInput {
  std::string topic;
  std::string topic_scope;
  std::int64_t topic_version = 0;
  base::json::object input;
  std::string tier;
  base::PrivateText user_name;
  std::optional<BusinessContext> business;  // gathered with the caller's token, which a job does not have
  base::json::object page;  // what was read on a website, by parameter: read once, whoever runs the job
  std::string key_hash;  // of the Idempotency-Key, "" without one
  bool fresh = false;
};
BOOST_DESCRIBE_STRUCT(AnalysisInput, (),
                      (topic, topic_scope, topic_version, input, tier, user_name, business, page, key_hash, fresh))

struct AnalysisWork {
  Analysis analysis;  // so far without a result
  AnalysisInput input;
  std::shared_ptr<const Topic> topic;
  base::json::value values;  // what the templates get
  llm::Request request;      // refers to topic and values
  ResponseKey response;
  std::optional<HeldClaim> claim;
};
using AnalysisWorkPtr = std::shared_ptr<AnalysisWork>;

// Throws Error{validation_error} naming the fields as the client wrote them.
void check_input(const Topic& topic, const base::json::object& input);

// Gathers the business context and reads the website that the request names, unless the input has them. `token`: the
// caller's, "" for a job. Throws what need_business() and fetch_page() throw.
base::Task<AnalysisWorkPtr> prepare_analysis(const Coaching& coaching, Owner owner, std::string analysis_id,
                                             std::shared_ptr<const Topic> topic, AnalysisInput input,
                                             base::PrivateText token, telemetry::Trace trace);

// Asks, unless the response cache knows the answer, and stores the analysis: alone, or with the end of the job that
// `live` has become by then. Throws what ask_model throws, llm_error without a valid result, and conflict when job or
// claim are somebody else's by now.
base::Task<> make_analysis(const Coaching& coaching, AnalysisWorkPtr work, LiveJobPtr live);

}  // namespace coaching
