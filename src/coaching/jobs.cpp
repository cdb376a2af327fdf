#include "coaching/jobs.hpp"

#include <algorithm>

namespace coaching {
namespace {

using base::Task;

constexpr base::Milliseconds kBackoffBase{2'000};
constexpr base::Milliseconds kBackoffCap{300'000};

base::Milliseconds backoff(std::int64_t attempts, double jitter) {
  const auto grown = kBackoffBase.count() << std::min<std::int64_t>(attempts, 16);
  const auto capped = std::min(grown, kBackoffCap.count());
  // Half of it is certain, half is jitter: never at once, and never all together.
  return base::Milliseconds(capped / 2 + static_cast<std::int64_t>(static_cast<double>(capped) / 2 * jitter));
}

bool is_done(const Job& job) { return job.status == JobStatus::completed || job.status == JobStatus::failed; }

Task<std::optional<ClaimedJob>> read_job(const Coaching& coaching, std::string_view job_id) {
  const auto item = co_await coaching.store.get(job_key(job_id));
  if (!item) co_return std::nullopt;
  co_return ClaimedJob{record_of<Job>(*item), item->version};
}

Task<bool> write_job(const Coaching& coaching, const Job& job, std::int64_t version) {
  std::vector<store::Write> writes{put_job(job, version + 1, store::Condition::version_is(version))};
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  co_return outcome.committed();
}

}  // namespace

store::Put put_job(const Job& job, std::int64_t new_version, store::Condition when) {
  store::Item item;
  item.key = job_key(job.job_id);
  item.version = new_version;
  item.body = body_of(job);
  if (!is_done(job)) item.index = store::Key{std::string(kJobs), due_sort(job.due_at, job.job_id)};
  return {std::move(item), when};
}

Task<std::optional<ClaimedJob>> claim_job(const Coaching& coaching, std::string job_id) {
  auto found = co_await read_job(coaching, job_id);
  const auto now = coaching.clock.now();
  if (!found || is_done(found->job) || found->job.due_at > now) co_return std::nullopt;
  found->job.status = JobStatus::processing;
  found->job.attempts += 1;
  found->job.due_at = now + coaching.options.job_lease;
  found->job.updated_at = now;
  if (!co_await write_job(coaching, found->job, found->version)) co_return std::nullopt;
  found->version += 1;
  co_return found;
}

Task<> postpone_job(const Coaching& coaching, ClaimedJob claimed, base::Code why) {
  auto& job = claimed.job;
  job.status = JobStatus::pending;
  job.error = base::to_string(why);
  job.updated_at = coaching.clock.now();
  job.due_at = job.updated_at + backoff(job.attempts, coaching.random.uniform());
  co_await write_job(coaching, job, claimed.version);  // refused: somebody else has it, and that is as good
}

Task<std::vector<std::string>> due_jobs(const Coaching& coaching, bool even_if_leased, std::size_t limit) {
  store::Query query;
  query.partition = kJobs;
  query.limit = limit;
  if (!even_if_leased) query.to = due_before(coaching.clock.now());
  const auto page = co_await coaching.store.query_index(std::move(query));
  std::vector<std::string> ids;
  for (const auto& item : page.items) ids.push_back(record_of<Job>(item).job_id);
  co_return ids;
}

Task<> unlease_job(const Coaching& coaching, std::string job_id) {
  auto found = co_await read_job(coaching, job_id);
  if (!found || found->job.status != JobStatus::processing) co_return;
  found->job.status = JobStatus::pending;
  found->job.due_at = coaching.clock.now();
  co_await write_job(coaching, found->job, found->version);
}

}  // namespace coaching
