#pragma once
// The structured result of a conversation: a job after `complete`, never part of a turn.
#include "coaching/live_job.hpp"

namespace coaching {

// An answer that does not fit the schema is sent back once with the faults; a second one ends in needs_review, as does a
// model that stays away for all attempts. `completed` is written only together with a valid result.
base::Task<> run_extraction(const Coaching& coaching, LiveJobPtr live);
base::Task<> give_up_extraction(const Coaching& coaching, LiveJobPtr live, JobFailure why);
// The conversation that needs review waits for the job again.
base::Task<std::vector<store::Write>> reopen_extraction(const Coaching& coaching, Job job);

}  // namespace coaching
