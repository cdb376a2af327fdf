#pragma once
// How jobs run: claimed by a lease that is renewed while they are at work, ended or put back in one fenced transaction,
// given up after some attempts. What a kind of job does is an entry of the table in job_kinds.cpp.
#include <exception>
#include <string>
#include <vector>

#include "coaching/live_job.hpp"

namespace coaching {

// Whether trying again later could not help.
bool is_permanent(const base::Error& error);

struct JobKind {
  std::string_view name;
  // One attempt, on live->executor(): ends the job with commit_job_end(), or throws.
  base::Task<> (*run)(const Coaching& coaching, LiveJobPtr live) = nullptr;
  // It will not be tried again: stores what that means together with its end, with commit_job_end().
  base::Task<> (*give_up)(const Coaching& coaching, LiveJobPtr live, JobFailure why) = nullptr;
  // It failed, and is to be tried again: what has to be written together with that. Throws Error{conflict} when there is
  // nothing to try any more. None: nothing to write.
  base::Task<std::vector<store::Write>> (*reopen)(const Coaching& coaching, Job job) = nullptr;
  std::int64_t CoachingOptions::* attempts = &CoachingOptions::job_attempts;
  bool (*fails_at_once)(const base::Error& error) = is_permanent;
  base::Milliseconds backoff{2'000};  // doubles with each attempt
  base::Milliseconds CoachingOptions::* own_backoff = nullptr;  // in its place
  base::Milliseconds longest_backoff{300'000};
};
const JobKind& job_kind(std::string_view name);  // of an unknown name: one that fails

// Claims the job, when it is due and nobody has it, and has it run on `executor`, whatever becomes of the caller.
// nullptr when it is at work here already, or when there is no place: then it begins as soon as there is one.
LiveJobPtr start_job(const Coaching& coaching, boost::asio::any_io_executor executor, std::string job_id,
                     bool even_if_leased = false);
// Starts what is due, as far as there are places. `even_if_leased`: also what a dead owner has claimed.
base::Task<> start_due_jobs(const Coaching& coaching, bool even_if_leased);

// Every job ends here: appends the writes of its end, fenced, to a transaction. The input goes, but that of a failed job
// stays until the job would have expired, for an operator to have it tried again.
void end_job(const Coaching& coaching, LiveJob& live, JobStatus status, const JobFailure& why,
             std::vector<store::Write>& writes);
// `writes`, the job's end and what its calls have cost, in one transaction. Throws Error{conflict} when the job is not
// ours any more, or something that `writes` rest on has changed.
base::Task<> commit_job_end(const Coaching& coaching, LiveJob& live, JobStatus status, JobFailure why,
                            std::vector<store::Write> writes);

// After an attempt, with what it threw (nullptr: nothing): puts the job back or gives it up, unless it has ended. Never
// throws; when the store does not answer the lease ends by itself.
base::Task<> end_attempt(const Coaching& coaching, LiveJobPtr live, std::exception_ptr failure);

// On live->executor(). A job that turns out to be somebody else's by now is interrupted.
base::Task<> renew_job(const Coaching& coaching, LiveJobPtr live);
// Ends the job's attempt when it is at work here: it was cancelled or erased.
void interrupt_job(const Coaching& coaching, const std::string& job_id);

}  // namespace coaching
