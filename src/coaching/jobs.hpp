#pragma once
// Work that outlives the request that asked for it. A job lies in the store until it is done; it is claimed by a lease
// and fenced by its record's version, so that two processes never finish the same one.
#include <optional>
#include <string>

#include "coaching/options.hpp"
#include "coaching/records.hpp"

namespace coaching {

enum class JobStatus { pending, processing, completed, failed };
BOOST_DESCRIBE_ENUM(JobStatus, pending, processing, completed, failed)

struct Job {
  std::string job_id;
  std::string kind;  // "extraction", "summary"
  Owner owner;
  std::string conversation_id;
  JobStatus status = JobStatus::pending;
  std::int64_t attempts = 0;
  base::Time due_at{};  // when it may be claimed: now, after a backoff, or when a lease ends
  std::string error;    // the code of the last failure
  base::Time created_at{};
  base::Time updated_at{};
};
BOOST_DESCRIBE_STRUCT(Job, (),
                      (job_id, kind, owner, conversation_id, status, attempts, due_at, error, created_at, updated_at))

// With an index entry by due_at while it is not done.
store::Put put_job(const Job& job, std::int64_t new_version, store::Condition when);

struct ClaimedJob {
  Job job;
  std::int64_t version = 0;
};
// Claims the job when it is due; nullopt when it is done, leased or gone.
base::Task<std::optional<ClaimedJob>> claim_job(const Coaching& coaching, std::string job_id);

// Puts it back with exponential backoff.
base::Task<> postpone_job(const Coaching& coaching, ClaimedJob claimed, base::Code why);

// Ids of jobs that are due, oldest first. `even_if_leased`: also those that a dead owner has claimed.
base::Task<std::vector<std::string>> due_jobs(const Coaching& coaching, bool even_if_leased, std::size_t limit);
// Makes a job claimed by a dead owner due at once.
base::Task<> unlease_job(const Coaching& coaching, std::string job_id);

}  // namespace coaching
