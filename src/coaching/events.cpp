#include "coaching/events.hpp"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>

#include "coaching/event_hub.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/records.hpp"
#include "coaching/webhooks.hpp"

namespace coaching {
namespace {

using base::Task;

constexpr std::size_t kPage = 100;
// Ids are made before the transaction that makes an event visible: for so long one may come behind a newer one.
constexpr base::Milliseconds kSettled{15'000};
constexpr std::size_t kMostUnsettled = 800;

std::string partition_of(const Owner& owner) {
  return fmt::format("events#{}#{}", key_part(owner.tenant_id), key_part(owner.user_id));
}

// Index partition; sorted by id.
std::string tenant_partition(const Owner& owner) { return fmt::format("events#{}", key_part(owner.tenant_id)); }

store::Put put_event(const Event& event, base::Milliseconds retention) {
  store::Item item;
  item.key = {partition_of(event.owner), event.event_id};
  item.version = 1;
  item.body = body_of(event);
  item.index = store::Key{tenant_partition(event.owner), event.event_id};
  const auto until = event.created_at + retention;
  item.expires_at_s = std::chrono::ceil<std::chrono::seconds>(until).time_since_epoch().count();
  return {std::move(item), store::Condition::absent()};
}

}  // namespace

Task<Event> add_event(const Coaching& coaching, Owner owner, std::string_view type, base::json::object data,
                      std::vector<store::Write>& writes) {
  Event event;
  event.event_id = coaching.ids.next("evt");
  event.type = type;
  event.owner = std::move(owner);
  event.created_at = coaching.clock.now();
  event.data = std::move(data);
  writes.emplace_back(put_event(event, coaching.options.events.retention));
  co_await add_deliveries(coaching, event, writes);
  co_return event;
}

Task<> announce(const Coaching& coaching, Event event) {
  coaching.event_hub.ring(event.owner);
  const auto executor = co_await boost::asio::this_coro::executor;
  for (const auto& job_id : event.deliveries) {
    start_job(coaching, executor, job_id);
  }
}

base::json::object end_of(const Conversation& conversation) {
  return {{"conversation_id", conversation.conversation_id},
          {"topic", conversation.topic},
          {"status", base::name_of(conversation.status)}};
}

base::json::object event_body(const Event& event) {
  return {{"event_id", event.event_id},
          {"type", event.type},
          {"created_at", base::to_json(event.created_at)},
          {"user_id", event.owner.user_id},
          {"tenant_id", event.owner.tenant_id},
          {"data", event.data}};
}

EventFeed::EventFeed(const Coaching& coaching, Owner owner, bool whole_tenant, std::string after)
    : coaching_(coaching),
      owner_(std::move(owner)),
      whole_tenant_(whole_tenant),
      settled_(after.empty() ? coaching.ids.next("evt") : std::move(after)),
      position_(settled_) {}

// What is old enough has nothing before it any more that could still come.
void EventFeed::settle() {
  const auto until = coaching_.clock.now() - kSettled;
  while (!given_.empty() && (given_.begin()->second < until || given_.size() > kMostUnsettled)) {
    settled_ = given_.begin()->first;
    given_.erase(given_.begin());
  }
}

Task<std::vector<Event>> EventFeed::next() {
  settle();
  store::Query query;
  query.partition = whole_tenant_ ? tenant_partition(owner_) : partition_of(owner_);
  query.after = settled_;
  query.limit = kPage + given_.size();
  const auto page = whole_tenant_ ? co_await coaching_.store.query_index(query) : co_await coaching_.store.query(query);
  std::vector<Event> events;
  for (const auto& item : page.items) {
    if (given_.contains(item.key.sort)) continue;
    auto event = record_of<Event>(item);
    given_.emplace(event.event_id, event.created_at);
    position_ = std::max(position_, event.event_id);
    events.push_back(std::move(event));
  }
  co_return events;
}

}  // namespace coaching
