#pragma once
// What turns and jobs have in common while they are at work in this process: a fence, a lease that is renewed as long as
// they are, and a way to end them from outside.
#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/async.hpp"
#include "base/bell.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"

namespace coaching {

class LeasedWork : public std::enable_shared_from_this<LeasedWork> {
 public:
  LeasedWork(const LeasedWork&) = delete;
  LeasedWork& operator=(const LeasedWork&) = delete;

  // Ends the model's call; the work then fails with `why`. Any thread; the first call counts.
  void interrupt(base::Error why);
  std::optional<base::Error> interrupted() const;

  boost::asio::cancellation_signal& cancellation() { return cancellation_; }
  const boost::asio::any_io_executor& executor() const { return executor_; }

  // Only on executor(): the version of the record that this work wrote last (its fence), and whether a renewal of the
  // lease is on its way, which a commit has to wait for.
  std::int64_t version = 0;
  base::Time leased_at{};
  bool renewing = false;
  bool committing = false;
  base::Bell renewal_done;

  // Before a commit: a renewal writes the same record, and its version decides which one the commit has to name. From now
  // on none begins.
  base::Task<> stop_renewals();

 protected:
  explicit LeasedWork(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  ~LeasedWork() = default;

 private:
  mutable std::mutex interrupt_mutex_;
  std::optional<base::Error> interrupted_;
  boost::asio::cancellation_signal cancellation_;
  boost::asio::any_io_executor executor_;
};

// What of one sort is at work in this process, by id. Any thread.
template <class Work>
class AtWork {
 public:
  using Pointer = std::shared_ptr<Work>;

  void add(const std::string& id, const Pointer& work) {
    const std::scoped_lock lock(mutex_);
    works_.emplace(id, work);
  }
  Pointer find(const std::string& id) const {  // nullptr when it is not at work here
    const std::scoped_lock lock(mutex_);
    const auto found = works_.find(id);
    return found == works_.end() ? nullptr : found->second;
  }
  void remove(const std::string& id) {
    {
      const std::scoped_lock lock(mutex_);
      works_.erase(id);
      if (!works_.empty()) return;
    }
    emptied_.ring();
  }
  std::vector<Pointer> all() const {
    const std::scoped_lock lock(mutex_);
    std::vector<Pointer> all;
    all.reserve(works_.size());
    for (const auto& [id, work] : works_) all.push_back(work);
    return all;
  }
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return works_.size();
  }
  // For a drain: until none is left or the time-out.
  base::Task<> wait_until_empty(base::Milliseconds timeout) {
    auto ticket = emptied_.draw(co_await boost::asio::this_coro::executor);
    if (size() > 0) co_await ticket.wait(timeout);
  }

 protected:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Pointer> works_;

 private:
  base::Bell emptied_;
};

}  // namespace coaching
