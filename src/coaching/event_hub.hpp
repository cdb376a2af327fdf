#pragma once
// Wakes those in this process who wait for events. What happened stands in the store; nothing is handed over here.
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bell.hpp"
#include "coaching/conversation.hpp"

namespace coaching {

struct EventOptions;

// Any thread.
class EventHub {
 public:
  // Rings at each event of its user, or of its tenant, as long as it lives.
  class Listener {
   public:
    Listener(EventHub& hub, Owner owner, bool whole_tenant);
    ~Listener();
    Listener(const Listener&) = delete;

    base::Bell bell;

   private:
    friend class EventHub;
    EventHub& hub_;
    const std::string user_;
    const std::string heard_;  // what it listens to: a user or a tenant
  };

  // Throws Error: rate_limit_exceeded when the user has options.streams_per_user of them, dependency_unavailable when there
  // are options.streams in all, shutting_down after close().
  std::shared_ptr<Listener> listen(const Owner& owner, bool whole_tenant, const EventOptions& options);

  void ring(const Owner& owner);

  // The process ends: rings for all, and closed() tells why.
  void close();
  bool closed() const;
  std::size_t size() const;

 private:
  void remove(const Listener& listener);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Listener*>> listeners_;
  std::unordered_map<std::string, std::int64_t> of_user_;
  std::int64_t all_ = 0;
  bool closed_ = false;
};

}  // namespace coaching
