#include "coaching/event_hub.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "coaching/options.hpp"
#include "coaching/records.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;

constexpr base::Milliseconds kComeBack{10'000};

std::string tenant_key(const Owner& owner) { return key_part(owner.tenant_id); }
std::string user_key(const Owner& owner) { return tenant_key(owner) + "#" + key_part(owner.user_id); }

Error later(Code code, std::string message) {
  Error error(code, std::move(message));
  error.retry_after = kComeBack;
  return error;
}

}  // namespace

EventHub::Listener::Listener(EventHub& hub, Owner owner, bool whole_tenant)
    : hub_(hub), user_(user_key(owner)), heard_(whole_tenant ? tenant_key(owner) : user_) {}

EventHub::Listener::~Listener() { hub_.remove(*this); }

std::shared_ptr<EventHub::Listener> EventHub::listen(const Owner& owner, bool whole_tenant,
                                                     const EventOptions& options) {
  auto listener = std::make_shared<Listener>(*this, owner, whole_tenant);
  const std::scoped_lock lock(mutex_);
  if (closed_) throw Error(Code::shutting_down, "the server is going down; connect again");
  const auto found = of_user_.find(listener->user_);
  if (found != of_user_.end() && found->second >= options.streams_per_user) {
    throw later(Code::rate_limit_exceeded,
                fmt::format("you have {} streams of events open already; close one first", found->second));
  }
  if (all_ >= options.streams) {
    throw later(Code::dependency_unavailable, "too many streams of events are open; try again later");
  }
  listeners_[listener->heard_].push_back(listener.get());
  of_user_[listener->user_] += 1;
  all_ += 1;
  return listener;
}

void EventHub::remove(const Listener& listener) {
  const std::scoped_lock lock(mutex_);
  const auto found = listeners_.find(listener.heard_);
  if (found == listeners_.end() || std::erase(found->second, &listener) == 0) return;  // it was refused
  if (found->second.empty()) listeners_.erase(found);
  if (--of_user_[listener.user_] == 0) of_user_.erase(listener.user_);
  all_ -= 1;
}

void EventHub::ring(const Owner& owner) {
  const std::scoped_lock lock(mutex_);
  for (const auto& heard : {user_key(owner), tenant_key(owner)}) {
    const auto found = listeners_.find(heard);
    if (found == listeners_.end()) continue;
    for (auto* listener : found->second) listener->bell.ring();
  }
}

void EventHub::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  for (const auto& [heard, listeners] : listeners_) {
    for (auto* listener : listeners) listener->bell.ring();
  }
}

bool EventHub::closed() const {
  const std::scoped_lock lock(mutex_);
  return closed_;
}

std::size_t EventHub::size() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(all_);
}

}  // namespace coaching
