#include "coaching/job_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/spawn.hpp"
#include "coaching/events.hpp"
#include "telemetry/tracer.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

base::Milliseconds backoff(const CoachingOptions& options, const JobKind& kind, std::int64_t attempts, double jitter) {
  const auto doublings = std::clamp<std::int64_t>(attempts, 0, 16);
  const auto first = kind.own_backoff == nullptr ? kind.backoff : options.*kind.own_backoff;
  const auto most = std::min(first.count() << doublings, kind.longest_backoff.count());
  // Half of it is certain, half is jitter: never at once, and never all together.
  return base::Milliseconds(most / 2 + static_cast<std::int64_t>(static_cast<double>(most) / 2 * jitter));
}

void count(const Coaching& coaching, const Job& job, std::string_view outcome) {
  coaching.metrics
      .counter("purposepath_jobs_total", "Attempts at jobs that ended, by kind and outcome.",
               {{"kind", std::string(job_kind(job.kind).name)}, {"outcome", std::string(outcome)}})
      .add();
}

void show_live(const Coaching& coaching) {
  coaching.metrics.gauge("purposepath_jobs_live", "Jobs at work.").set(static_cast<double>(coaching.live_jobs.size()));
}

// What ended the attempt. Nothing, and the job has not ended: what it rested on has changed under it.
Error error_of(const LiveJob& live, const std::exception_ptr& failure) {
  if (auto why = live.interrupted()) return std::move(*why);
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::exception&) {
    return {Code::internal_error, "the job failed by a fault in the program"};
  }
  return {Code::conflict, "what the job is about was changed while it was at work"};
}

void log_failure(const Coaching& coaching, const LiveJob& live, const Error& error, std::string_view outcome) {
  coaching.log.write(telemetry::Level::warn, "job_failed",
                     {{"job_id", live.job_id},
                      {"kind", live.job.kind},
                      {"reference", live.job.reference},
                      {"attempt", live.job.attempts},
                      {"outcome", outcome},
                      {"error", base::to_string(error.code)},
                      {"reason", error.message}});
}

// False when the job is somebody else's by now.
Task<bool> put_back(const Coaching& coaching, LiveJob& live, Job job) {
  co_await live.stop_renewals();
  job.status = JobStatus::pending;
  job.updated_at = coaching.clock.now();
  std::vector<store::Write> writes{put_job(job, live.version + 1, store::Condition::version_is(live.version))};
  settle(coaching, live.account, std::nullopt, live.charges, writes);
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) co_return false;
  live.version += 1;
  live.charges.clear();
  co_return true;
}

Task<bool> postpone(const Coaching& coaching, LiveJob& live, const JobKind& kind, const Error& why) {
  auto job = live.job;
  job.error = base::to_string(why.code);
  job.message = why.message;
  const auto wait = std::max(backoff(coaching.options, kind, job.attempts, coaching.random.uniform()),
                             why.retry_after.value_or(base::Milliseconds(0)));
  job.due_at = coaching.clock.now() + wait;
  if (job.expires_at > base::Time{}) job.due_at = std::min(job.due_at, job.expires_at);
  co_return co_await put_back(coaching, live, std::move(job));
}

// For the next process, at once; that this one goes down is no failure of the job's.
Task<bool> release(const Coaching& coaching, LiveJob& live) {
  auto job = live.job;
  job.attempts = std::max<std::int64_t>(job.attempts - 1, 0);
  job.due_at = coaching.clock.now();
  co_return co_await put_back(coaching, live, std::move(job));
}

Task<bool> give_up(const Coaching& coaching, LiveJobPtr live, const JobKind& kind, JobFailure why) {
  try {
    co_await kind.give_up(coaching, live, std::move(why));
    co_return true;
  } catch (const Error& error) {
    if (error.code != Code::conflict) throw;
  }
  co_return false;
}

JobFailure failure_of(const Job& job, const Error& error, bool expired) {
  if (expired) return {"expired", "The job was not done in time."};
  if (is_permanent(error)) return {std::string(base::to_string(error.code)), error.message};
  return {std::string(base::to_string(error.code)), fmt::format("{} ({} attempts)", error.message, job.attempts)};
}

Task<> settle_attempt(const Coaching& coaching, LiveJobPtr live, std::exception_ptr failure) {
  if (live->ended || live->version == 0) co_return;
  const auto error = error_of(*live, failure);
  const auto& kind = job_kind(live->job.kind);
  const bool expired = has_expired(live->job, coaching.clock.now());
  bool ours = false;
  if (error.code == Code::shutting_down) {
    ours = co_await release(coaching, *live);
    if (ours) count(coaching, live->job, "released");
  } else if (live->interrupted()) {
    // Cancelled, erased or taken over: nothing of it is ours any more.
  } else if (expired || kind.fails_at_once(error) || live->job.attempts >= coaching.options.*kind.attempts) {
    log_failure(coaching, *live, error, "given_up");
    ours = co_await give_up(coaching, live, kind, failure_of(live->job, error, expired));
  } else {
    log_failure(coaching, *live, error, "postponed");
    ours = co_await postpone(coaching, *live, kind, error);
    if (ours) count(coaching, live->job, "postponed");
  }
  if (ours) co_return;
  count(coaching, live->job, "lost");
  co_await post_charges(coaching, live->account, live->charges);
}

telemetry::Span begin_span(const Coaching& coaching, LiveJob& live) {
  using telemetry::SpanKey;
  if (coaching.tracer == nullptr) return {};
  const auto& job = live.job;
  auto span = coaching.tracer->begin_linked(telemetry::SpanKind::internal, "job", job.kind, job.trace);
  live.trace = span.trace();
  span.set(SpanKey::job_id, job.job_id);
  span.set(SpanKey::job_attempt, job.attempts);
  span.set(SpanKey::reference, job.reference);
  span.set(SpanKey::topic, job.topic);
  return span;
}

Task<> run_claimed(const Coaching& coaching, LiveJobPtr live) {
  if (auto why = live->interrupted()) throw std::move(*why);
  if (has_expired(live->job, coaching.clock.now())) throw Error(Code::llm_timeout, "the job was not begun in time");
  co_await job_kind(live->job.kind).run(coaching, live);
}

Task<> attempt(const Coaching& coaching, LiveJobPtr live, bool even_if_leased) {
  std::exception_ptr failure;
  telemetry::Span span;
  try {
    // A claim that is cut off halfway would be a job that nobody has.
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    auto claimed = co_await claim_job(coaching, live->job_id, even_if_leased);
    co_await boost::asio::this_coro::reset_cancellation_state();
    if (claimed) {
      live->job = std::move(claimed->job);
      live->leased_at = coaching.clock.now();
      live->version = claimed->version;
      span = begin_span(coaching, *live);
      co_await run_claimed(coaching, live);
    }
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (failure && span) span.fail(base::to_string(error_of(*live, failure).code));
  span.end();
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await end_attempt(coaching, live, failure);
}

// Of a job that its owner knows of; others are told by what they make.
Task<std::optional<Event>> add_end(const Coaching& coaching, const Job& job, JobStatus status, const std::string& error,
                                   std::vector<store::Write>& writes) {
  if (!job.listed) co_return std::nullopt;
  base::json::object data{{"job_id", job.job_id},
                          {"kind", job.kind},
                          {"topic", job.topic},
                          {"reference", job.reference},
                          {"status", base::name_of(status)},
                          {"error", error.empty() ? base::json::value() : base::json::value(error)}};
  co_return co_await add_event(coaching, job.owner, status == JobStatus::completed ? kJobCompleted : kJobFailed,
                               std::move(data), writes);
}

}  // namespace

bool is_permanent(const Error& error) {
  return !base::retryable(error) && error.code != Code::internal_error && error.code != Code::conflict;
}

LiveJobPtr start_job(const Coaching& coaching, boost::asio::any_io_executor executor, std::string job_id,
                     bool even_if_leased) {
  auto live = std::make_shared<LiveJob>(std::move(job_id), executor);
  if (!coaching.live_jobs.enter(live)) return nullptr;
  show_live(coaching);
  base::spawn_cancellable(executor, attempt(coaching, live, even_if_leased), live->cancellation(), live);
  return live;
}

Task<> start_due_jobs(const Coaching& coaching, bool even_if_leased) {
  constexpr std::size_t kMost = 1'000;  // what a query gives
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto limit = even_if_leased ? kMost : std::min(coaching.live_jobs.free_places() + 1, kMost);
  auto ids = co_await due_jobs(coaching, even_if_leased, limit);
  if (ids.size() == limit) coaching.live_jobs.somebody_waits();
  for (auto& id : ids) start_job(coaching, executor, std::move(id), even_if_leased);
}

void end_job(const Coaching& coaching, LiveJob& live, JobStatus status, const JobFailure& why,
             std::vector<store::Write>& writes) {
  auto& job = live.job;
  const bool may_be_tried_again = status == JobStatus::failed && why.code != "cancelled" && why.code != "expired";
  job.status = status;
  job.error = why.code;
  job.message = why.message;
  job.updated_at = coaching.clock.now();
  job.expires_at = job.updated_at + coaching.options.job_retention;
  if (job.has_input && !may_be_tried_again) {
    writes.emplace_back(store::Delete{job_input_key(job.job_id), store::Condition::none()});
  }
  if (job.listed) writes.emplace_back(put_job_entry(job, job.expires_at));
  writes.emplace_back(put_job(job, live.version + 1, store::Condition::version_is(live.version)));
}

Task<> commit_job_end(const Coaching& coaching, LiveJob& live, JobStatus status, JobFailure why,
                      std::vector<store::Write> writes) {
  auto event = co_await add_end(coaching, live.job, status, why.code, writes);
  co_await live.stop_renewals();
  // A commit that is cut off halfway might be there and not be known.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  const auto before = live.job;
  end_job(coaching, live, status, why, writes);
  settle(coaching, live.account, std::nullopt, live.charges, writes);
  std::exception_ptr failure;
  bool committed = false;
  try {
    const auto outcome = co_await coaching.store.transact(std::move(writes));
    committed = outcome.committed();
  } catch (const Error&) {
    failure = std::current_exception();
  }
  if (!committed) live.job = before;
  if (failure) std::rethrow_exception(failure);
  if (!committed) throw Error(Code::conflict, "the job was ended or taken over while it was at work");
  live.version += 1;
  live.ended = true;
  live.charges.clear();
  count(coaching, live.job, status == JobStatus::completed ? "completed" : "failed");
  if (event) co_await announce(coaching, std::move(*event));
}

Task<> end_attempt(const Coaching& coaching, LiveJobPtr live, std::exception_ptr failure) {
  try {
    co_await settle_attempt(coaching, live, failure);
  } catch (const std::exception& error) {
    coaching.log.write(telemetry::Level::error, "job_not_put_back",
                       {{"job_id", live->job_id}, {"reason", error.what()}});
  }
  coaching.live_jobs.remove(live->job_id);
  show_live(coaching);
  live->attempt_over();
  if (!coaching.live_jobs.take_waiting()) co_return;
  try {
    co_await start_due_jobs(coaching, false);
  } catch (const Error&) {
    // The sweep looks again.
  }
}

Task<> renew_job(const Coaching& coaching, LiveJobPtr live) {
  if (live->renewing || live->committing || live->version == 0) co_return;
  live->renewing = true;
  bool lost = false;
  auto job = live->job;
  const auto now = coaching.clock.now();
  job.due_at = now + coaching.options.job_lease;
  try {
    std::vector<store::Write> writes{put_job(job, live->version + 1, store::Condition::version_is(live->version))};
    const auto outcome = co_await coaching.store.transact(std::move(writes));
    lost = !outcome.committed();
    if (!lost) {
      live->job = std::move(job);
      live->version += 1;
      live->leased_at = now;
    }
  } catch (const Error& error) {
    log_failure(coaching, *live, error, "lease_not_renewed");  // tried again at the next sweep
  }
  live->renewing = false;
  live->renewal_done.ring();
  if (lost) live->interrupt(Error(Code::conflict, "the job was ended or taken over while it was at work"));
}

void interrupt_job(const Coaching& coaching, const std::string& job_id) {
  if (const auto live = coaching.live_jobs.find(job_id)) {
    live->interrupt(Error(Code::conflict, "the job was ended while it was at work"));
  }
}

}  // namespace coaching
