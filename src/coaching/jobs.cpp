#include "coaching/jobs.hpp"

#include <fmt/format.h>

namespace coaching {
namespace {

using base::Task;

std::int64_t seconds(base::Time time) {
  return std::chrono::ceil<std::chrono::seconds>(time.time_since_epoch()).count();
}

// An entry of a user's list; the job itself says how it stands.
struct JobEntry {
  std::string job_id;
  std::string kind;
  std::string reference;
  base::Time created_at{};
};
BOOST_DESCRIBE_STRUCT(JobEntry, (), (job_id, kind, reference, created_at))

void log_taken_over(const Coaching& coaching, const Job& job) {
  coaching.log.write(
      telemetry::Level::warn, "job_taken_over",
      {{"job_id", job.job_id}, {"kind", job.kind}, {"reference", job.reference}, {"attempt", job.attempts}});
}

}  // namespace

bool is_done(const Job& job) { return job.status == JobStatus::completed || job.status == JobStatus::failed; }

bool has_expired(const Job& job, base::Time now) {
  return job.expires_at.time_since_epoch().count() > 0 && job.expires_at <= now;
}

Job new_job(const Coaching& coaching, std::string_view kind, Owner owner, std::string reference, std::string topic) {
  Job job;
  job.job_id = coaching.ids.next("job");
  job.kind = kind;
  job.owner = std::move(owner);
  job.reference = std::move(reference);
  job.topic = std::move(topic);
  job.created_at = job.updated_at = job.due_at = coaching.clock.now();
  job.expires_at = job.created_at + coaching.options.job_expiry;
  return job;
}

std::string done_jobs(std::string_view tenant_id) { return fmt::format("jobs_done#{}", key_part(tenant_id)); }

store::Put put_job(const Job& job, std::int64_t new_version, store::Condition when) {
  store::Item item;
  item.key = job_key(job.job_id);
  item.version = new_version;
  item.body = body_of(job);
  if (is_done(job)) {
    item.index = store::Key{done_jobs(job.owner.tenant_id), due_sort(job.updated_at, job.job_id)};
    item.expires_at_s = seconds(job.expires_at);
  } else {
    item.index = store::Key{std::string(kJobs), due_sort(job.due_at, job.job_id)};
  }
  return {std::move(item), when};
}

Job job_of(const store::Item& item) {
  const auto body = base::parse_json(item.body, 64);
  auto job = base::from_json<Job>(body);
  const auto* conversation = body.as_object().if_contains("conversation_id");
  if (job.reference.empty() && conversation != nullptr) job.reference = conversation->as_string();
  return job;
}

store::Key job_input_key(std::string_view job_id) { return {job_key(job_id).partition, "input"}; }

store::Key job_entry_key(const Owner& owner, std::string_view job_id) {
  return {user_partition(owner), fmt::format("job#{}", job_id)};
}

store::Put put_job_entry(const Job& job, base::Time until) {
  store::Item item;
  item.key = job_entry_key(job.owner, job.job_id);
  item.version = 1;
  item.body = body_of(JobEntry{job.job_id, job.kind, job.reference, job.created_at});
  item.expires_at_s = seconds(until);
  return {std::move(item), store::Condition::none()};
}

Task<std::optional<ClaimedJob>> read_job(store::Store& store, std::string job_id) {
  const auto item = co_await store.get(job_key(job_id));
  if (!item) co_return std::nullopt;
  co_return ClaimedJob{job_of(*item), item->version};
}

Task<std::optional<ClaimedJob>> claim_job(const Coaching& coaching, std::string job_id, bool even_if_leased) {
  auto found = co_await read_job(coaching.store, std::move(job_id));
  if (!found || is_done(found->job)) co_return std::nullopt;
  auto& job = found->job;
  const auto now = coaching.clock.now();
  const bool leased = job.status == JobStatus::processing;
  if (job.due_at > now && !(leased && even_if_leased)) co_return std::nullopt;
  job.status = JobStatus::processing;
  if (!has_expired(job, now)) job.attempts += 1;
  job.due_at = now + coaching.options.job_lease;
  job.updated_at = now;
  std::vector<store::Write> writes{put_job(job, found->version + 1, store::Condition::version_is(found->version))};
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) co_return std::nullopt;
  found->version += 1;
  if (leased) log_taken_over(coaching, job);
  co_return found;
}

Task<std::vector<std::string>> due_jobs(const Coaching& coaching, bool even_if_leased, std::size_t limit) {
  store::Query query;
  query.partition = kJobs;
  query.limit = limit;
  if (!even_if_leased) query.to = due_before(coaching.clock.now());
  const auto page = co_await coaching.store.query_index(std::move(query));
  std::vector<std::string> ids;
  for (const auto& item : page.items) ids.push_back(job_of(item).job_id);
  co_return ids;
}

}  // namespace coaching
