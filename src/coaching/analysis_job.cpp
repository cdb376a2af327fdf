#include "coaching/analysis_job.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/spawn.hpp"
#include "coaching/budgets.hpp"
#include "coaching/job_access.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/tenants.hpp"
#include "coaching/topic_versions.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

// With its name, JSON and keys it has to fit into an item.
constexpr std::size_t kMostInputBytes = store::kMaxItemBytes - 4'096;

Job job_for(const Coaching& coaching, const AnalysisWork& work) {
  const auto& draft = work.analysis;
  auto job = new_job(coaching, kAnalysisJob, draft.owner, draft.analysis_id, draft.topic);
  job.trace = work.request.trace.traceparent();
  job.listed = true;
  job.has_input = true;
  return job;
}

// A business context that is too long is left out, and gathered again when the job runs.
std::string stored_form(AnalysisInput input) {
  auto body = body_of(input);
  if (body.size() > kMostInputBytes && input.business) {
    input.business.reset();
    body = body_of(input);
  }
  if (body.size() > kMostInputBytes) {
    throw Error(Code::payload_too_large, "this is too much for one analysis; send less of it");
  }
  return body;
}

std::vector<store::Write> put_new_job(const Coaching& coaching, const Job& job, const AnalysisInput& input) {
  store::Item item;
  item.key = job_input_key(job.job_id);
  item.version = 1;
  item.body = stored_form(input);
  item.expires_at_s = std::chrono::ceil<std::chrono::seconds>(job.expires_at.time_since_epoch()).count();
  std::vector<store::Write> writes;
  writes.emplace_back(put_job(job, 1, store::Condition::absent()));
  writes.emplace_back(store::Put{std::move(item), store::Condition::absent()});
  writes.emplace_back(put_job_entry(job, job.expires_at + coaching.options.job_retention));
  if (auto user = list_user(coaching, job.owner)) writes.emplace_back(std::move(*user));
  return writes;
}

// Nobody waits for a job, so who has too little left learns it now. The job reserves when it runs.
Task<> check_budgets(const Coaching& coaching, const AnalysisWork& work) {
  const auto& owner = work.analysis.owner;
  const auto quote = coaching.provider.quote(work.request);
  const auto wanted = reservation_for(coaching, work.input.tier, {&quote, 1});
  if (!wanted) co_return;
  for (const auto& state : co_await budget_states(coaching, owner, work.input.tier)) {
    const auto left = state.limit.most - state.spent - state.reserved;
    const auto most = is_in_tokens(state.limit.budget) ? wanted->tokens : wanted->micro_usd;
    if (most > left) throw over_budget(state.limit, coaching.clock.now());
  }
}

// A request's analysis, on a coroutine of its own.
struct Running {
  AnalysisWorkPtr work;
  LiveJobPtr live;  // what it will be if it becomes a job
  Job job;
  bool finished = false;
  std::exception_ptr failure;
  base::Bell bell;

  bool is_job() const { return live->version > 0; }
};
using RunningPtr = std::shared_ptr<Running>;

// Never throws.
Task<> end_request(const Coaching& coaching, RunningPtr running) {
  const auto& live = running->live;
  co_await live->stop_renewals();
  if (running->is_job()) co_return co_await end_attempt(coaching, live, running->failure);
  if (!running->failure) co_return;
  try {
    co_await post_charges(coaching, live->account, live->charges);
  } catch (const Error&) {
    // The client is told what went wrong first.
  }
  if (running->work->claim) co_await release_claim(coaching, *running->work->claim);
}

Task<> run_to_end(const Coaching& coaching, RunningPtr running) {
  try {
    co_await make_analysis(coaching, running->work, running->live);
  } catch (const std::exception&) {
    running->failure = std::current_exception();
  }
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await end_request(coaching, running);
  running->finished = true;
  running->bell.ring();
}

std::vector<store::Write> writes_of_promotion(const Coaching& coaching, Running& running) {
  auto& job = running.job;
  job.status = JobStatus::processing;
  job.attempts = 1;
  job.updated_at = coaching.clock.now();
  job.due_at = job.updated_at + coaching.options.job_lease;
  auto writes = put_new_job(coaching, job, running.work->input);
  if (const auto& claim = running.work->claim) writes.emplace_back(hand_claim_over(coaching, *claim, job.job_id));
  return writes;
}

// Makes a job of it while it is at work. Like the renewal of a lease, this is waited for by the commit. When the store
// does not answer the client waits on.
Task<> promote(const Coaching& coaching, RunningPtr running) {
  auto& live = *running->live;
  if (live.committing) co_return;
  live.renewing = true;
  bool refused = false;
  coaching.live_jobs.add(live.job_id, running->live);
  try {
    auto outcome = co_await coaching.store.transact(writes_of_promotion(coaching, *running));
    refused = !outcome.committed();
    if (!refused) {
      live.job = running->job;
      live.leased_at = coaching.clock.now();
      live.version = 1;
      if (auto& claim = running->work->claim) {
        claim->claim.job_id = live.job_id;
        claim->version += 1;
      }
    }
  } catch (const Error& error) {
    coaching.log.write(telemetry::Level::warn, "job_not_stored",
                       {{"job_id", live.job_id}, {"error", base::to_string(error.code)}});
  }
  if (!running->is_job()) coaching.live_jobs.remove(live.job_id);
  live.renewing = false;
  live.renewal_done.ring();
  running->bell.ring();
  if (refused) live.interrupt(Error(Code::conflict, "another request with this Idempotency-Key took over; ask again"));
}

// For the end, or for the moment when it is a job.
Task<> wait_for_either(RunningPtr running) {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (;;) {
    auto ticket = running->bell.draw(executor);
    if (running->finished || running->is_job()) co_return;
    co_await ticket.wait(base::Milliseconds(10'000));
  }
}

AnalysisAnswer answer_of(const Running& running) {
  if (running.is_job() && (!running.finished || running.failure)) return {nullptr, running.job};
  if (running.failure) std::rethrow_exception(running.failure);
  return {std::make_shared<const Analysis>(running.work->analysis), std::nullopt};
}

RunningPtr start_running(const Coaching& coaching, AnalysisWorkPtr work, boost::asio::any_io_executor executor) {
  auto running = std::make_shared<Running>();
  running->job = job_for(coaching, *work);
  running->live = std::make_shared<LiveJob>(running->job.job_id, std::move(executor));
  running->work = std::move(work);
  return running;
}

Task<std::shared_ptr<const Topic>> topic_of_job(const Coaching& coaching, const AnalysisInput& input) {
  auto topic = co_await topic_at(coaching, {input.topic, input.topic_scope, input.topic_version});
  if (!topic) throw Error(Code::topic_not_found, "this analysis is not there any more");
  check_input(*topic, input.input);  // a built-in topic changes with the binary
  co_return topic;
}

}  // namespace

Task<AnalysisAnswer> answer_repeat(const Coaching& coaching, Owner owner, ClaimOutcome known, bool respond_async) {
  AnalysisAnswer answer;
  if (known.done_id.empty() || (respond_async && !known.job_id.empty())) {
    answer.job = co_await find_job(coaching, std::move(owner), std::move(known.job_id));
  } else {
    answer.analysis = co_await find_analysis(coaching, std::move(owner), std::move(known.done_id));
  }
  co_return answer;
}

Task<AnalysisAnswer> make_in_time(const Coaching& coaching, AnalysisWorkPtr work, base::Milliseconds wait) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto running = start_running(coaching, std::move(work), executor);
  auto ticket = running->bell.draw(executor);
  base::spawn_cancellable(executor, run_to_end(coaching, running), running->live->cancellation(), running->live);
  if (!running->finished) co_await ticket.wait(std::max(wait, base::Milliseconds(0)));
  if (!running->finished) boost::asio::co_spawn(executor, promote(coaching, running), boost::asio::detached);
  co_await wait_for_either(running);
  co_return answer_of(*running);
}

Task<AnalysisAnswer> enqueue_analysis(const Coaching& coaching, AnalysisWorkPtr work) {
  const auto& draft = work->analysis;
  co_await list_tenant(coaching, draft.owner.tenant_id);
  co_await check_budgets(coaching, *work);
  const auto job = job_for(coaching, *work);
  auto writes = put_new_job(coaching, job, work->input);
  if (work->input.key_hash.empty()) {
    co_await coaching.store.transact(std::move(writes));
  } else {
    AnalysisClaim claim{draft.request_hash, draft.analysis_id, job.job_id, false, {}};
    auto outcome =
        co_await claim_analysis(coaching, draft.owner, work->input.key_hash, std::move(claim), std::move(writes));
    if (!outcome.held) co_return co_await answer_repeat(coaching, draft.owner, std::move(outcome), true);
  }
  remember_user(coaching, draft.owner);
  start_job(coaching, co_await boost::asio::this_coro::executor, job.job_id);
  co_return AnalysisAnswer{nullptr, job};
}

Task<> run_analysis_job(const Coaching& coaching, LiveJobPtr live) {
  const auto& job = live->job;
  const auto item = co_await coaching.store.get(job_input_key(job.job_id));
  if (!item) throw Error(Code::not_found, "what was to be analysed is not there any more; ask anew");
  auto input = record_of<AnalysisInput>(*item);
  const auto key_hash = input.key_hash;
  const auto topic = co_await topic_of_job(coaching, input);
  const auto work =
      co_await prepare_analysis(coaching, job.owner, job.reference, topic, std::move(input), {}, live->trace);
  work->claim = co_await claim_of_job(coaching, job.owner, key_hash, job.job_id);
  co_await make_analysis(coaching, work, live);
}

Task<> give_up_analysis(const Coaching& coaching, LiveJobPtr live, JobFailure why) {
  std::vector<store::Write> writes;
  const auto& job = live->job;
  if (const auto item = co_await coaching.store.get(job_input_key(job.job_id))) {
    const auto key_hash = record_of<AnalysisInput>(*item).key_hash;
    // Its key may be used again.
    if (const auto claim = co_await claim_of_job(coaching, job.owner, key_hash, job.job_id)) {
      writes.emplace_back(store::Delete{claim->key, store::Condition::version_is(claim->version)});
    }
  }
  co_await commit_job_end(coaching, *live, JobStatus::failed, std::move(why), std::move(writes));
}

}  // namespace coaching
