#pragma once
// Every tunable of coaching, and what its functions depend on.
#include <boost/describe.hpp>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "coaching/conversation.hpp"
#include "llm/providers.hpp"
#include "store/store.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace coaching {

class Topics;
class TopicVersions;
class ConversationCache;
class ResponseCache;
class BusinessSource;
class ListedTenants;
class LiveTurns;
class LiveJobs;
class EventHub;
class Websites;
class Webhooks;

enum class AssessmentMode { model, rules };
BOOST_DESCRIBE_ENUM(AssessmentMode, model, rules)

// 0: no limit.
struct BudgetLimits {
  double day_usd = 0;
  double month_usd = 0;
  std::int64_t day_tokens = 0;  // prompt and answer
  std::int64_t month_tokens = 0;
};
BOOST_DESCRIBE_STRUCT(BudgetLimits, (), (day_usd, month_usd, day_tokens, month_tokens))

struct BudgetOptions {
  BudgetLimits tenant;  // all users of a tenant together
  BudgetLimits user;  // each user
  BudgetLimits free;  // each user of that tier: takes the place of what `user` says, where it is not 0; -1: no limit
  BudgetLimits basic;
  BudgetLimits premium;
  BudgetLimits ultimate;
  base::Milliseconds lease{300'000};  // longer than any call: after it what a dead process reserved comes back
};
BOOST_DESCRIBE_STRUCT(BudgetOptions, (), (tenant, user, free, basic, premium, ultimate, lease))

struct AnalysisOptions {
  std::int64_t result_tokens = 4'096;  // the longest answer; one that is cut off gets twice that
  base::Milliseconds cache_ttl{86'400'000};  // equal requests of a tenant get the same answer for so long; 0: never
  std::int64_t cache_bytes = 64LL << 20;  // of answers kept in memory
  base::Milliseconds wait{25'000};  // then a request is answered with a job; below the patience of gateways (30 s)
};
BOOST_DESCRIBE_STRUCT(AnalysisOptions, (), (result_tokens, cache_ttl, cache_bytes, wait))

struct EventOptions {
  base::Milliseconds retention{86'400'000};  // a client that was away for longer has missed some
  base::Milliseconds poll{2'000};  // how often an open stream looks for what other processes have written
  std::int64_t streams_per_user = 8;
  std::int64_t streams = 2'000;  // of all users of this process
};
BOOST_DESCRIBE_STRUCT(EventOptions, (), (retention, poll, streams_per_user, streams))

struct CoachingOptions {
  std::int64_t max_turns = 100;  // of a conversation whose topic names no limit of its own; 0: none
  base::Milliseconds idle_timeout{30 * 60'000};  // then shown as paused; 0: never
  base::Milliseconds expiry{14LL * 86'400'000};  // then abandoned; 0: never
  base::Milliseconds turn_lease{30'000};  // renewed at a third of it while the model works
  base::Milliseconds resume_grace{60'000};  // a turn nobody listens to goes on for so long
  base::Milliseconds idempotency_ttl{86'400'000};  // a repeat within this gets the first answer
  std::int64_t request_tokens = 4'000;  // of a turn's whole prompt; one above it is logged and counted
  std::int64_t window_tokens = 1'800;  // of them, the transcript's; whole messages, newest first
  std::int64_t summary_tokens = 400;  // of them, the summary's of what came before
  std::int64_t extraction_tokens = 24'000;  // of the transcript that the result is extracted from
  AssessmentMode assessment = AssessmentMode::model;
  base::Milliseconds assessment_grace{2'000};  // waited for after the reply is there; then rules decide
  base::Milliseconds complete_wait{10'000};  // how long `complete` waits for the result
  base::Milliseconds job_lease{30'000};  // renewed at a third of it while the job is at work
  std::int64_t job_attempts = 5;  // then it has failed; a result's conversation needs review
  base::Milliseconds job_expiry{86'400'000};  // a job that is not done by then has failed
  base::Milliseconds job_retention{7LL * 86'400'000};  // a job that is done can be looked at for so long
  std::int64_t max_live_jobs = 64;  // at work at once; others wait in the store
  base::Milliseconds sweep_interval{5'000};  // looks for turns and jobs whose owner died
  std::int64_t cached_conversations = 10'000;  // recent windows kept in memory
  std::int64_t max_live_turns = 20'000;  // beyond it new messages get 503
  AnalysisOptions analysis;
  EventOptions events;
  std::int64_t webhook_attempts = 5;  // at a delivery, then it is given up
  base::Milliseconds webhook_backoff{10'000};  // after the first; doubles with each attempt, up to an hour
  BudgetOptions budgets;
  base::Milliseconds usage_retention{400LL * 86'400'000};  // charges are on the books for so long; 0: for ever
};
BOOST_DESCRIBE_STRUCT(CoachingOptions, (),
                      (max_turns, idle_timeout, expiry, turn_lease, resume_grace, idempotency_ttl, request_tokens,
                       window_tokens, summary_tokens, extraction_tokens, assessment, assessment_grace, complete_wait,
                       job_lease, job_attempts, job_expiry, job_retention, max_live_jobs, sweep_interval,
                       cached_conversations, max_live_turns, analysis, events, webhook_attempts, webhook_backoff,
                       budgets, usage_retention))

// What coaching needs. All outlive every call; all may be used from any io_context thread.
struct Coaching {
  const CoachingOptions& options;
  const llm::LlmOptions& llm;
  store::Store& store;
  llm::Provider& provider;
  const Topics& topics;  // the built-in ones; what a tenant gets is in topic_versions
  TopicVersions& topic_versions;
  ConversationCache& cache;
  ResponseCache& responses;
  LiveTurns& live_turns;
  LiveJobs& live_jobs;
  ListedTenants& tenants;
  BusinessSource& business;
  const Websites& websites;
  EventHub& event_hub;
  const Webhooks& webhooks;
  const base::Clock& clock;
  base::Ids& ids;
  base::Random& random;
  telemetry::Log& log;
  telemetry::Registry& metrics;
  telemetry::Tracer* tracer = nullptr;  // none: no traces

  Patience patience() const { return {options.idle_timeout, options.expiry}; }
};

}  // namespace coaching
