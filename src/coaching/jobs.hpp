#pragma once
// Work that outlives the request that asked for it. A job lies in the store until it is done; it is claimed by a lease
// and fenced by its record's version, so that two processes never finish the same one. How jobs run: job_runner.hpp.
#include <optional>
#include <string>

#include "coaching/options.hpp"
#include "coaching/records.hpp"

namespace coaching {

// Kinds of jobs. What each does stands in job_kinds.cpp.
inline constexpr std::string_view kAnalysisJob = "analysis";
inline constexpr std::string_view kExtractionJob = "extraction";
inline constexpr std::string_view kSummaryJob = "summary";
inline constexpr std::string_view kWebhookJob = "webhook";

enum class JobStatus { pending, processing, completed, failed };
BOOST_DESCRIBE_ENUM(JobStatus, pending, processing, completed, failed)

struct Job {
  std::string job_id;
  std::string kind;
  Owner owner;
  std::string reference;  // what it is about: a conversation's id, an analysis'
  std::string topic;      // "" for none
  JobStatus status = JobStatus::pending;
  std::int64_t attempts = 0;  // begun
  base::Time due_at{};        // when it may be claimed: now, after a backoff, or when a lease ends
  std::string error;  // the code of the last failure: a base::Code's name, "expired", "cancelled", "obsolete"
  std::string message;  // the last failure, for a person; never holds what people said
  std::string trace;    // the traceparent of what made it; "" for none
  bool listed = false;  // in its owner's list
  bool has_input = false;  // an item of its own, which is erased with the job's end
  base::Time created_at{};
  base::Time updated_at{};
  base::Time expires_at{};  // not done: then it has failed; done: then it is gone. Epoch: never
};
BOOST_DESCRIBE_STRUCT(Job, (),
                      (job_id, kind, owner, reference, topic, status, attempts, due_at, error, message, trace, listed,
                       has_input, created_at, updated_at, expires_at))

// Why a job was not done.
struct JobFailure {
  std::string code;
  std::string message;
};

bool is_done(const Job& job);
// Due at once, with a new id.
Job new_job(const Coaching& coaching, std::string_view kind, Owner owner, std::string reference, std::string topic);

// With an index entry by due_at while it is not done, then one of its tenant by updated_at.
store::Put put_job(const Job& job, std::int64_t new_version, store::Condition when);
// Records of before jobs had references are read too.
Job job_of(const store::Item& item);
// What people said that a job works on: beside its record, never in it.
store::Key job_input_key(std::string_view job_id);
// In its owner's list.
store::Key job_entry_key(const Owner& owner, std::string_view job_id);
store::Put put_job_entry(const Job& job, base::Time until);
std::string done_jobs(std::string_view tenant_id);  // index partition

struct ClaimedJob {
  Job job;
  std::int64_t version = 0;
};
base::Task<std::optional<ClaimedJob>> read_job(store::Store& store, std::string job_id);
// Claims the job when it is due; nullopt when it is done, leased or gone. `even_if_leased`: also one that a dead owner
// has claimed. A claim is an attempt, but for a job that has expired: that one is claimed to be given up.
base::Task<std::optional<ClaimedJob>> claim_job(const Coaching& coaching, std::string job_id, bool even_if_leased);
bool has_expired(const Job& job, base::Time now);

// Ids of jobs that are due, oldest first. `even_if_leased`: also those that a dead owner has claimed.
base::Task<std::vector<std::string>> due_jobs(const Coaching& coaching, bool even_if_leased, std::size_t limit);

}  // namespace coaching
