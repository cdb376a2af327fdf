#include "coaching/sweep.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "coaching/extraction.hpp"
#include "coaching/jobs.hpp"
#include "coaching/ledger.hpp"
#include "coaching/live_turn.hpp"
#include "coaching/records.hpp"
#include "coaching/summary.hpp"
#include "coaching/turn.hpp"

namespace coaching {
namespace {

using base::Task;

constexpr std::size_t kAtOnce = 100;  // of each kind in a round; the rest waits for the next

void look_after_live_turns(const Coaching& coaching) {
  const auto now = coaching.clock.now();
  for (const auto& live : coaching.live_turns.all()) {
    if (const auto since = live->unheard_since(); since && now - *since > coaching.options.resume_grace) {
      live->interrupt(
          base::Error(base::Code::llm_unavailable, "nobody waited for this reply any more; send the message again"));
    }
    // The turn's own thread alone may read and write its fence.
    boost::asio::post(live->executor(), [&coaching, live, now] {
      if (now - live->leased_at < coaching.options.turn_lease / 3) return;
      boost::asio::co_spawn(live->executor(), renew_lease(coaching, live), boost::asio::detached);
    });
  }
}

Task<> take_over_turns(const Coaching& coaching, bool sole_process) {
  store::Query query;
  query.partition = kOpenTurns;
  query.limit = kAtOnce;
  if (!sole_process) query.to = due_before(coaching.clock.now());
  const auto page = co_await coaching.store.query_index(std::move(query));
  for (const auto& item : page.items) {
    co_await take_over(coaching, record_of<Conversation>(item).conversation_id, sole_process);
  }
}

Task<> run_jobs(const Coaching& coaching, bool sole_process) {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto ids = co_await due_jobs(coaching, sole_process, kAtOnce);
  for (const auto& id : ids) {
    if (sole_process) co_await unlease_job(coaching, id);
    // Beside the sweep: leases have to be renewed while a job waits for its model.
    boost::asio::co_spawn(executor, run_job(coaching, id), boost::asio::detached);
  }
}

}  // namespace

Task<> run_job(const Coaching& coaching, std::string job_id) {
  std::string kind;
  try {
    const auto item = co_await coaching.store.get(job_key(job_id));
    if (!item) co_return;
    kind = record_of<Job>(*item).kind;
  } catch (const base::Error&) {
    co_return;  // the next sweep finds it again
  }
  if (kind == kSummaryJob) {
    co_await run_summary(coaching, std::move(job_id));
  } else {
    co_await run_extraction(coaching, std::move(job_id));
  }
}

Task<> sweep(const Coaching& coaching, bool sole_process) {
  try {
    look_after_live_turns(coaching);
    co_await take_over_turns(coaching, sole_process);
    co_await give_back_overdue(coaching, sole_process);
    co_await run_jobs(coaching, sole_process);
  } catch (const base::Error& error) {
    coaching.log.write(telemetry::Level::error, "sweep_failed",
                       {{"error", base::to_string(error.code)}, {"reason", error.message}});
  }
}

Task<> sweep_forever(const Coaching& coaching, bool embedded_store) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  for (bool first = true;; first = false) {
    co_await sweep(coaching, first && embedded_store);
    timer.expires_after(coaching.options.sweep_interval);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace coaching
