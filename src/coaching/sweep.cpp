#include "coaching/sweep.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "coaching/job_runner.hpp"
#include "coaching/ledger.hpp"
#include "coaching/live_turn.hpp"
#include "coaching/records.hpp"
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

void look_after_live_jobs(const Coaching& coaching) {
  const auto now = coaching.clock.now();
  for (const auto& live : coaching.live_jobs.all()) {
    boost::asio::post(live->executor(), [&coaching, live, now] {
      if (now - live->leased_at < coaching.options.job_lease / 3) return;
      boost::asio::co_spawn(live->executor(), renew_job(coaching, live), boost::asio::detached);
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

}  // namespace

Task<> sweep(const Coaching& coaching, bool sole_process) {
  try {
    look_after_live_turns(coaching);
    look_after_live_jobs(coaching);
    co_await take_over_turns(coaching, sole_process);
    co_await give_back_overdue(coaching, sole_process);
    co_await start_due_jobs(coaching, sole_process);
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
