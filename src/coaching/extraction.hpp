#pragma once
// The structured result of a conversation: a job after `complete`, never part of a turn.
#include <string>

#include "coaching/options.hpp"

namespace coaching {

// Runs the job when it is due and nobody else has it. An answer that does not fit the schema is sent back once with the
// faults; a second one ends in needs_review, as does a model that stays away for all attempts. `completed` is written
// only together with a valid result. Does not throw base::Error: failures postpone the job.
base::Task<> run_extraction(const Coaching& coaching, std::string job_id);

}  // namespace coaching
