#pragma once
// What happened, for those who want to know without asking again and again. An event is written in the transaction of what
// it reports, so there is one exactly when it happened. It holds ids, types and statuses, never what people said.
#include <boost/describe.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coaching/options.hpp"

namespace coaching {

inline constexpr std::string_view kConversationCompleted = "conversation.completed";
inline constexpr std::string_view kConversationNeedsReview = "conversation.needs_review";
inline constexpr std::string_view kConversationAbandoned = "conversation.abandoned";
inline constexpr std::string_view kJobCompleted = "job.completed";
inline constexpr std::string_view kJobFailed = "job.failed";
inline constexpr std::string_view kTopicPublished = "topic.published";

struct Event {
  std::string event_id;  // evt_…; sorts by time
  std::string type;
  Owner owner;  // whose thing it is about
  base::Time created_at{};
  base::json::object data;
  std::vector<std::string> deliveries;  // ids of their jobs; not stored
};
BOOST_DESCRIBE_STRUCT(Event, (), (event_id, type, owner, created_at, data))

// Adds the event to a transaction, and the jobs that deliver it to the tenant's webhooks. Once that is committed, announce()
// wakes who waits for it and starts the deliveries on the caller's io_context; what is not announced the sweep finds.
base::Task<Event> add_event(const Coaching& coaching, Owner owner, std::string_view type, base::json::object data,
                            std::vector<store::Write>& writes);
base::Task<> announce(const Coaching& coaching, Event event);

// What an event says of a conversation that has ended.
base::json::object end_of(const Conversation& conversation);

// As clients get it: {event_id, type, created_at, user_id, tenant_id, data}.
base::json::object event_body(const Event& event);

// Reads a user's events, or those of the whole tenant, from where somebody stopped. For one thread.
class EventFeed {
 public:
  // `after`: the last event that is known; "" for what comes from now on.
  EventFeed(const Coaching& coaching, Owner owner, bool whole_tenant, std::string after);

  // What has come since, each once; empty when there is nothing. In the order of ids, except that an event whose transaction
  // took longer than those around it comes when it is there. Throws Error{dependency_unavailable}.
  base::Task<std::vector<Event>> next();
  // The newest event given so far: where to go on after.
  const std::string& position() const { return position_; }

 private:
  void settle();

  const Coaching& coaching_;
  Owner owner_;
  bool whole_tenant_;
  std::string settled_;  // what was committed up to here has been given
  std::string position_;
  std::map<std::string, base::Time> given_;  // after settled_
};

}  // namespace coaching
