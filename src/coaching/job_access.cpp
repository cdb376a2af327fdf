#include "coaching/job_access.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coaching/audit.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/tenants.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

// Each round needs somebody else to have changed the job in between.
constexpr int kRounds = 5;
// A list by page numbers walks what there is; beyond this many it ends instead of walking for ever.
constexpr std::size_t kMostWalked = 20'000;

Error no_job() { return Error(Code::job_not_found, "there is no such job of yours"); }
Error changed_too_often() { return Error(Code::conflict, "the job is being changed by somebody else; try again"); }

Task<ClaimedJob> own_job(const Coaching& coaching, Owner owner, std::string job_id) {
  auto found = co_await read_job(coaching.store, std::move(job_id));
  if (!found || found->job.owner != owner) throw no_job();
  co_return std::move(*found);
}

Task<bool> give_up_cancelled(const Coaching& coaching, ClaimedJob found) {
  const auto live = std::make_shared<LiveJob>(found.job.job_id, co_await boost::asio::this_coro::executor);
  live->job = std::move(found.job);
  live->version = found.version;
  try {
    co_await job_kind(live->job.kind).give_up(coaching, live, {"cancelled", "The job was cancelled."});
    co_return true;
  } catch (const Error& error) {
    if (error.code != Code::conflict) throw;
  }
  co_return false;
}

bool fits(const Job& job, const JobQuery& query) {
  return (query.tenant_id.empty() || job.owner.tenant_id == query.tenant_id) &&
         (!query.status || job.status == *query.status) && (query.kind.empty() || job.kind == query.kind);
}

Task<> collect(store::Store& store, std::string index, const JobQuery& query, std::vector<Job>& into) {
  store::Query range;
  range.partition = std::move(index);
  range.descending = true;
  range.limit = 1000;
  std::size_t walked = 0;
  for (bool more = true; more;) {
    const auto page = co_await store.query_index(range);
    for (const auto& item : page.items) {
      auto job = job_of(item);
      if (fits(job, query)) into.push_back(std::move(job));
    }
    walked += page.items.size();
    more = page.more && walked < kMostWalked;
    if (more) range.after = page.items.back().index->sort;
  }
}

// The writes that make a failed job due again. Its input has to be there.
Task<std::vector<store::Write>> make_due(const Coaching& coaching, Job& job, std::int64_t version) {
  std::vector<store::Write> writes;
  if (const auto reopen = job_kind(job.kind).reopen) writes = co_await reopen(coaching, job);
  const auto now = coaching.clock.now();
  job.status = JobStatus::pending;
  job.attempts = 0;
  job.due_at = job.updated_at = now;
  job.expires_at = now + coaching.options.job_expiry;
  if (job.has_input) {
    auto input = co_await coaching.store.get(job_input_key(job.job_id));
    if (!input) {
      throw Error(Code::conflict, "what the job was to work on has been erased since; it has to be asked for anew");
    }
    input->expires_at_s = std::chrono::ceil<std::chrono::seconds>(job.expires_at.time_since_epoch()).count();
    input->version += 1;
    writes.emplace_back(store::Put{*input, store::Condition::version_is(input->version - 1)});
  }
  if (job.listed) writes.emplace_back(put_job_entry(job, job.expires_at + coaching.options.job_retention));
  writes.emplace_back(put_job(job, version + 1, store::Condition::version_is(version)));
  co_return writes;
}

}  // namespace

Task<Job> find_job(const Coaching& coaching, Owner owner, std::string job_id) {
  auto found = co_await own_job(coaching, std::move(owner), std::move(job_id));
  co_return std::move(found.job);
}

Task<JobPage> list_jobs(const Coaching& coaching, Owner owner, std::int64_t page, std::int64_t page_size) {
  JobPage result;
  const auto first = (page - 1) * page_size;
  store::Query query;
  query.partition = user_partition(owner);
  query.from = "job#";
  query.to = "job$";
  query.descending = true;  // ids sort by time: newest first
  query.limit = 1000;
  std::vector<store::Key> keys;
  for (bool more = true; more;) {
    const auto got = co_await coaching.store.query(query);
    for (const auto& item : got.items) {
      const auto at = result.total++;
      if (at >= first && at < first + page_size) keys.push_back(job_key(item.key.sort.substr(4)));
    }
    more = got.more && result.total < static_cast<std::int64_t>(kMostWalked);
    if (more) query.after = got.items.back().key.sort;
  }
  if (keys.empty()) co_return result;
  for (const auto& item : co_await coaching.store.get_many(std::move(keys))) result.jobs.push_back(job_of(item));
  std::ranges::sort(result.jobs, std::greater{}, &Job::job_id);
  co_return result;
}

Task<> cancel_job(const Coaching& coaching, Owner owner, std::string job_id) {
  for (int round = 0; round < kRounds; ++round) {
    auto found = co_await own_job(coaching, owner, job_id);
    if (is_done(found.job)) throw Error(Code::conflict, "this job is done; there is nothing to cancel");
    if (!co_await give_up_cancelled(coaching, std::move(found))) continue;
    interrupt_job(coaching, job_id);
    co_return;
  }
  throw changed_too_often();
}

Task<JobPage> all_jobs(store::Store& store, JobQuery query) {
  std::vector<Job> jobs;
  const bool with_open = !query.status || !is_done(Job{.status = *query.status});
  const bool with_done = !query.status || is_done(Job{.status = *query.status});
  if (with_open) co_await collect(store, std::string(kJobs), query, jobs);
  if (with_done) {
    std::vector<std::string> tenants{query.tenant_id};
    if (query.tenant_id.empty()) tenants = co_await all_tenants(store);
    for (const auto& tenant : tenants) co_await collect(store, done_jobs(tenant), query, jobs);
  }
  std::ranges::sort(jobs, std::greater{}, &Job::job_id);
  JobPage page;
  page.total = std::ssize(jobs);
  const auto first = std::min(page.total, (query.page - 1) * query.page_size);
  const auto last = std::min(page.total, first + query.page_size);
  page.jobs.assign(std::make_move_iterator(jobs.begin() + first), std::make_move_iterator(jobs.begin() + last));
  co_return page;
}

Task<Job> retry_job(const Coaching& coaching, Owner actor, std::string tenant_id, std::string job_id) {
  for (int round = 0; round < kRounds; ++round) {
    auto found = co_await read_job(coaching.store, job_id);
    if (!found || (!tenant_id.empty() && found->job.owner.tenant_id != tenant_id)) throw no_job();
    auto& job = found->job;
    if (job.status != JobStatus::failed) {
      throw Error(Code::conflict,
                  fmt::format("this job is {}; only a failed one can be tried again", base::name_of(job.status)));
    }
    const auto error = job.error;
    auto writes = co_await make_due(coaching, job, found->version);
    writes.emplace_back(audited(coaching.ids, coaching.clock, actor, job.owner.tenant_id, "job.retry", job_id,
                                {{"kind", job.kind}, {"error", error}}));
    const auto outcome = co_await coaching.store.transact(std::move(writes));
    if (outcome.committed()) co_return job;
  }
  throw changed_too_often();
}

}  // namespace coaching
