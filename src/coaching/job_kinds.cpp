// Every kind of job: a new one is a line here.
#include <algorithm>
#include <array>

#include "coaching/analysis_job.hpp"
#include "coaching/extraction.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/summary.hpp"
#include "coaching/webhooks.hpp"

namespace coaching {
namespace {

using base::Task;

// A job that a newer program has left behind.
Task<> run_unknown(const Coaching&, LiveJobPtr) {
  throw base::Error(base::Code::internal_error, "this program does not know the job's kind");
  co_return;
}

Task<> give_up_unknown(const Coaching& coaching, LiveJobPtr live, JobFailure why) {
  co_await commit_job_end(coaching, *live, JobStatus::failed, std::move(why), {});
}

}  // namespace

const JobKind& job_kind(std::string_view name) {
  static const std::array kKinds{
      JobKind{.name = kAnalysisJob, .run = run_analysis_job, .give_up = give_up_analysis},
      JobKind{
          .name = kExtractionJob, .run = run_extraction, .give_up = give_up_extraction, .reopen = reopen_extraction},
      JobKind{.name = kSummaryJob, .run = run_summary, .give_up = give_up_summary},
      JobKind{.name = kWebhookJob,
              .run = run_webhook,
              .give_up = give_up_webhook,
              .attempts = &CoachingOptions::webhook_attempts,
              .own_backoff = &CoachingOptions::webhook_backoff,
              .longest_backoff = base::Milliseconds(3'600'000)},
  };
  static const JobKind kUnknown{.name = "unknown", .run = run_unknown, .give_up = give_up_unknown};
  const auto* const found = std::ranges::find(kKinds, name, &JobKind::name);
  return found == kKinds.end() ? kUnknown : *found;
}

}  // namespace coaching
