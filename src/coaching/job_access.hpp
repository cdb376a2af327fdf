#pragma once
// Jobs as people see them: their owners, and those who run the service.
#include <optional>
#include <string>
#include <vector>

#include "coaching/jobs.hpp"

namespace coaching {

// Throws Error{job_not_found}, also when it is somebody else's.
base::Task<Job> find_job(const Coaching& coaching, Owner owner, std::string job_id);

struct JobPage {
  std::vector<Job> jobs;  // newest first
  std::int64_t total = 0;
};
// What the owner asked to be done as a job. Pages count from 1.
base::Task<JobPage> list_jobs(const Coaching& coaching, Owner owner, std::int64_t page, std::int64_t page_size);

// Ends a job that is not done, as failed with `cancelled`; what it was about is told as if it had been given up. Throws
// Error: job_not_found, conflict when it is done.
base::Task<> cancel_job(const Coaching& coaching, Owner owner, std::string job_id);

struct JobQuery {
  std::string tenant_id;  // "" for all tenants
  std::optional<JobStatus> status;
  std::string kind;  // "" for all
  std::int64_t page = 1;
  std::int64_t page_size = 50;
};
// Those that are not done, and those that were done within options.job_retention, by when they were begun.
base::Task<JobPage> all_jobs(store::Store& store, JobQuery query);

// Makes a failed job due again, as if it had not been tried. `tenant_id`: whose it has to be, "" for any. Throws Error:
// job_not_found, conflict when it has not failed, or when its input is gone.
base::Task<Job> retry_job(const Coaching& coaching, Owner actor, std::string tenant_id, std::string job_id);

}  // namespace coaching
