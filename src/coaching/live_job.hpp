#pragma once
// Jobs at work in this process.
#include <atomic>
#include <string>
#include <vector>

#include "coaching/jobs.hpp"
#include "coaching/leased_work.hpp"
#include "coaching/ledger.hpp"

namespace coaching {

// One attempt at a job.
class LiveJob final : public LeasedWork {
 public:
  LiveJob(std::string id, boost::asio::any_io_executor executor)
      : LeasedWork(std::move(executor)), job_id(std::move(id)) {}

  const std::string job_id;

  // Only on executor().
  Job job;             // as this attempt wrote it last; version 0: not written yet
  bool ended = false;  // its end is stored
  telemetry::Trace trace;  // the attempt's own span
  // What the model's calls have cost and is not on the books yet: it gets there in the transaction that ends the job or
  // puts it back.
  Account account;
  std::vector<Charge> charges;

  // When the attempt is over, however it ended: any thread.
  void attempt_over() {
    over_ = true;
    bell_.ring();
  }
  base::Task<> wait_until_over(base::Milliseconds timeout) {
    auto ticket = bell_.draw(co_await boost::asio::this_coro::executor);
    if (!over_) co_await ticket.wait(timeout);
  }

 private:
  std::atomic<bool> over_ = false;
  base::Bell bell_;
};
using LiveJobPtr = std::shared_ptr<LiveJob>;

// By job id. Any thread.
class LiveJobs : public AtWork<LiveJob> {
 public:
  explicit LiveJobs(std::size_t places) : places_(places) {}

  // False when the job is at work here already, when all places are taken, and once this is closed.
  bool enter(const LiveJobPtr& live) {
    const std::scoped_lock lock(mutex_);
    if (closed_ || works_.contains(live->job_id)) return false;
    if (works_.size() >= places_) {
      somebody_waits_ = true;
      return false;
    }
    return works_.emplace(live->job_id, live).second;
  }
  std::size_t free_places() const {
    const std::scoped_lock lock(mutex_);
    return works_.size() >= places_ ? 0 : places_ - works_.size();
  }
  // For a drain: no job begins any more.
  void close() { closed_ = true; }
  // Whether a job found no place, or there may be more that are due, since this was asked last.
  bool take_waiting() { return somebody_waits_.exchange(false); }
  void somebody_waits() { somebody_waits_ = true; }

 private:
  std::size_t places_;
  std::atomic<bool> somebody_waits_ = false;
  std::atomic<bool> closed_ = false;
};

}  // namespace coaching
