#pragma once
// A limit to the calls that are under way at one model, with a short queue before it, first come, first served.
#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "telemetry/metrics.hpp"

namespace llm {

// Any thread; must outlive its places.
class Lane {
 public:
  // Given back when it goes.
  class Place {
   public:
    explicit Place(Lane& lane) : lane_(&lane) {}
    Place(Place&& other) noexcept : lane_(std::exchange(other.lane_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(lane_, other.lane_);
      return *this;
    }
    ~Place() {
      if (lane_ != nullptr) lane_->leave();
    }

   private:
    Lane* lane_;
  };

  // At most `places` calls at once (0: no limit) and `queue` that wait. The gauges follow; they must outlive this.
  Lane(std::int64_t places, std::int64_t queue, telemetry::Gauge& in_flight, telemetry::Gauge& queued)
      : places_(places), longest_queue_(queue), in_flight_gauge_(in_flight), queued_gauge_(queued) {}

  std::optional<Place> try_enter();  // without waiting, and not past those who wait

  // Waits for at most `patience`. nullopt with the reason in `why`: "queue_full" or "queue_timeout". A cancellation
  // passes through.
  base::Task<std::optional<Place>> enter(base::Milliseconds patience, std::string_view& why);

  std::int64_t in_flight() const;
  std::int64_t queued() const;

 private:
  struct Waiter;
  class Queued;

  std::shared_ptr<Waiter> line_up(const boost::asio::any_io_executor& executor, base::Milliseconds patience);
  bool claim(const std::shared_ptr<Waiter>& waiter);  // takes it out of the queue; true when it has a place
  void leave();

  const std::int64_t places_;
  const std::int64_t longest_queue_;
  telemetry::Gauge& in_flight_gauge_;
  telemetry::Gauge& queued_gauge_;
  mutable std::mutex mutex_;
  std::int64_t in_flight_ = 0;
  std::deque<std::shared_ptr<Waiter>> queue_;
};

}  // namespace llm
