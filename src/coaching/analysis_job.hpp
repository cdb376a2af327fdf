#pragma once
// Analyses as jobs: from the beginning, or when the client has waited long enough.
#include "coaching/analysis_work.hpp"

namespace coaching {

base::Task<> run_analysis_job(const Coaching& coaching, LiveJobPtr live);
base::Task<> give_up_analysis(const Coaching& coaching, LiveJobPtr live, JobFailure why);

// Stores the job with its input, and the claim of its key, in one transaction, and has it begun. Throws Error:
// quota_exceeded when a budget has too little left, payload_too_large, and what claim_analysis throws.
base::Task<AnalysisAnswer> enqueue_analysis(const Coaching& coaching, AnalysisWorkPtr work);

// Makes the analysis on a coroutine of its own. What is not there after `wait` is stored as a job, claimed and at work,
// and that is the answer.
base::Task<AnalysisAnswer> make_in_time(const Coaching& coaching, AnalysisWorkPtr work, base::Milliseconds wait);

// For a key that was used before.
base::Task<AnalysisAnswer> answer_repeat(const Coaching& coaching, Owner owner, ClaimOutcome known, bool respond_async);

}  // namespace coaching
