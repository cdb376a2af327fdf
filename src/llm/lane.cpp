#include "llm/lane.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

namespace llm {

// Waits on its own thread's timer. Whoever gives it a place says so under the lane's lock and ends the wait by a handler
// posted to that thread; should the timer have ended before, the place is there all the same.
struct Lane::Waiter {
  explicit Waiter(const boost::asio::any_io_executor& executor) : timer(executor) {}
  boost::asio::steady_timer timer;
  bool has_place = false;
};

// In the queue as long as this lives, also when the coroutine is destroyed while it waits.
class Lane::Queued {
 public:
  Queued(Lane& lane, std::shared_ptr<Waiter> waiter) : lane_(lane), waiter_(std::move(waiter)) {}
  Queued(const Queued&) = delete;
  Queued& operator=(const Queued&) = delete;
  ~Queued() {
    if (waiter_ && lane_.claim(waiter_)) lane_.leave();
  }
  Waiter& waiter() { return *waiter_; }
  std::optional<Place> claim() {
    if (!lane_.claim(std::exchange(waiter_, nullptr))) return {};
    return Place(lane_);
  }

 private:
  Lane& lane_;
  std::shared_ptr<Waiter> waiter_;
};

std::optional<Lane::Place> Lane::try_enter() {
  {
    const std::lock_guard lock(mutex_);
    if (places_ > 0 && in_flight_ >= places_) return {};
    ++in_flight_;
  }
  in_flight_gauge_.add(1);
  return Place(*this);
}

base::Task<std::optional<Lane::Place>> Lane::enter(base::Milliseconds patience, std::string_view& why) {
  auto waiter = line_up(co_await boost::asio::this_coro::executor, patience);
  if (!waiter) {
    why = "queue_full";
    co_return std::nullopt;
  }
  Queued queued(*this, std::move(waiter));
  boost::system::error_code ended;
  co_await queued.waiter().timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
  auto place = queued.claim();
  // Nobody but a giver of places cancels the timer, so without a place it was the caller who was cancelled.
  if (!place && ended) throw boost::system::system_error(ended);
  if (!place) why = "queue_timeout";
  co_return place;
}

std::int64_t Lane::in_flight() const {
  const std::lock_guard lock(mutex_);
  return in_flight_;
}

std::int64_t Lane::queued() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(queue_.size());
}

std::shared_ptr<Lane::Waiter> Lane::line_up(const boost::asio::any_io_executor& executor, base::Milliseconds patience) {
  auto waiter = std::make_shared<Waiter>(executor);
  waiter->timer.expires_after(patience);
  const std::lock_guard lock(mutex_);
  if (in_flight_ < places_) {  // one has become free since
    ++in_flight_;
    in_flight_gauge_.add(1);
    waiter->has_place = true;
    waiter->timer.expires_at(boost::asio::steady_timer::time_point::min());
    return waiter;
  }
  if (static_cast<std::int64_t>(queue_.size()) >= longest_queue_) return nullptr;
  queue_.push_back(waiter);
  queued_gauge_.add(1);
  return waiter;
}

bool Lane::claim(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  if (waiter->has_place) return true;
  std::erase(queue_, waiter);
  queued_gauge_.add(-1);
  return false;
}

// The place goes from the one who leaves to the first who waits, so that nobody can slip in between.
void Lane::leave() {
  std::shared_ptr<Waiter> next;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) {
      --in_flight_;
    } else {
      next = std::move(queue_.front());
      queue_.pop_front();
      next->has_place = true;
    }
  }
  if (!next) return in_flight_gauge_.add(-1);
  queued_gauge_.add(-1);
  const auto executor = next->timer.get_executor();
  boost::asio::post(executor, [next = std::move(next)] { next->timer.cancel(); });
}

}  // namespace llm
