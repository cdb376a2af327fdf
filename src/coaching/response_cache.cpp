#include "coaching/response_cache.hpp"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>
#include <utility>

namespace coaching {
namespace {

using base::Task;
using std::chrono::steady_clock;

// A parsed answer takes about so many times the room of its text.
constexpr std::size_t kParsedFactor = 4;
constexpr base::Milliseconds kLongestWait{600'000};  // where calls to a model have no end

store::Key item_key(const ResponseKey& key) { return {fmt::format("response#{}", key_part(key.tenant_id)), key.hash}; }

// With its length before it, no part can run into the next.
void add_part(std::string& text, std::string_view part) { text += fmt::format("{}:{}\n", part.size(), part); }

void count(const Coaching& coaching, const char* outcome) {
  coaching.metrics
      .counter("purposepath_response_cache_total", "Requests for an analysis, by what the response cache had.",
               {{"outcome", outcome}})
      .add();
}

}  // namespace

ResponseKey response_key(const Coaching& coaching, const Owner& owner, const Topic& topic,
                         const llm::Request& request) {
  std::string text;
  add_part(text, topic.id);
  add_part(text, topic.scope);
  add_part(text, std::to_string(topic.version));
  add_part(text, topic.hash);  // of the built-in ones: they have no version
  add_part(text, coaching.provider.quote(request).model_code);
  add_part(text, request.model);
  add_part(text, request.system.reveal());
  for (const auto& message : request.messages) add_part(text, message.content.reveal());
  if (request.input != nullptr) add_part(text, base::write_json(*request.input));
  return {owner.tenant_id, sha256_hex(text)};
}

std::string ResponseCache::name_of(const ResponseKey& key) { return fmt::format("{} {}", key.hash, key.tenant_id); }

std::shared_ptr<const CachedResponse> ResponseCache::find(const ResponseKey& key, base::Time now) {
  const auto name = name_of(key);
  const std::scoped_lock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  if (found->second->response->expires_at <= now) {
    erase(found->second);
    return nullptr;
  }
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return found->second->response;
}

void ResponseCache::keep(const ResponseKey& key, std::shared_ptr<const CachedResponse> response, std::size_t bytes) {
  const auto name = name_of(key);
  const std::scoped_lock lock(mutex_);
  if (const auto found = by_name_.find(name); found != by_name_.end()) erase(found->second);
  if (bytes > most_bytes_) return;
  by_use_.push_front({name, std::move(response), bytes});
  by_name_.emplace(name, by_use_.begin());
  bytes_ += bytes;
  while (bytes_ > most_bytes_) erase(std::prev(by_use_.end()));
}

void ResponseCache::drop(const ResponseKey& key) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = by_name_.find(name_of(key)); found != by_name_.end()) erase(found->second);
}

std::size_t ResponseCache::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

void ResponseCache::erase(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  by_name_.erase(entry->name);
  by_use_.erase(entry);
}

ResponseCache::Lead::Lead(ResponseCache& cache, std::string name, std::shared_ptr<Flight> flight)
    : cache_(&cache), name_(std::move(name)), flight_(std::move(flight)) {}

ResponseCache::Lead::Lead(Lead&& other) noexcept
    : cache_(other.cache_), name_(std::move(other.name_)), flight_(std::move(other.flight_)) {}

void ResponseCache::Lead::land(std::shared_ptr<const CachedResponse> response) {
  if (const auto flight = std::exchange(flight_, nullptr)) cache_->land(name_, *flight, std::move(response));
}

void ResponseCache::land(const std::string& name, Flight& flight, std::shared_ptr<const CachedResponse> response) {
  {
    const std::scoped_lock lock(mutex_);
    flight.over = true;
    flight.response = std::move(response);
    flights_.erase(name);
  }
  flight.landed.ring();
}

// The lead of a new flight, or else `other`: the one under way.
ResponseCache::Joined ResponseCache::board(const std::string& name, std::shared_ptr<Flight>& other) {
  const std::scoped_lock lock(mutex_);
  auto& flight = flights_[name];
  other = flight;
  if (other) return {};
  flight = std::make_shared<Flight>();
  return {nullptr, Lead(*this, name, flight)};
}

Task<ResponseCache::Joined> ResponseCache::join(ResponseKey key, base::Time now, base::Milliseconds patience) {
  struct Waiter {
    std::atomic<std::size_t>& count;
    explicit Waiter(std::atomic<std::size_t>& waiting) : count(waiting) { ++count; }
    ~Waiter() { --count; }
  };
  const auto name = name_of(key);
  const auto until = steady_clock::now() + patience;
  for (;;) {
    std::shared_ptr<Flight> other;
    auto joined = board(name, other);
    if (!other) {
      joined.response = find(key, now);  // what has landed since the caller looked
      co_return joined;
    }
    auto ticket = other->landed.draw(co_await boost::asio::this_coro::executor);
    const auto look = [&] {
      const std::scoped_lock lock(mutex_);
      return std::pair(other->over, other->response);
    };
    const auto left = std::chrono::duration_cast<base::Milliseconds>(until - steady_clock::now());
    if (left.count() <= 0) co_return Joined();
    if (!look().first) {
      const Waiter waiter(waiting_);
      co_await ticket.wait(left);
    }
    if (auto response = look().second) co_return Joined{std::move(response), {}};
  }
}

Task<ResponseCache::Joined> find_response(const Coaching& coaching, ResponseKey key, bool bypass) {
  if (bypass || coaching.options.analysis.cache_ttl.count() <= 0) {
    count(coaching, "bypass");
    co_return ResponseCache::Joined();
  }
  const auto now = coaching.clock.now();
  if (auto known = coaching.responses.find(key, now)) {
    count(coaching, "hit");
    co_return ResponseCache::Joined{std::move(known), {}};
  }
  const auto item = co_await coaching.store.get(item_key(key));
  std::shared_ptr<const CachedResponse> stored;
  if (item) stored = std::make_shared<const CachedResponse>(record_of<CachedResponse>(*item));
  if (stored && stored->expires_at > now) {
    count(coaching, "store_hit");
    coaching.responses.keep(key, stored, item->body.size() * kParsedFactor);
    co_return ResponseCache::Joined{std::move(stored), {}};
  }
  const auto total = coaching.llm.timeouts.total;
  auto joined = co_await coaching.responses.join(std::move(key), now, total.count() > 0 ? total : kLongestWait);
  count(coaching, joined.response ? "joined" : "miss");
  co_return joined;
}

void keep_response(const Coaching& coaching, const ResponseKey& key, CachedResponse response, ResponseCache::Lead& lead,
                   std::vector<store::Write>& writes) {
  const auto ttl = coaching.options.analysis.cache_ttl;
  if (ttl.count() <= 0) return;
  response.expires_at = coaching.clock.now() + ttl;
  store::Item item;
  item.key = item_key(key);
  item.version = 1;
  item.body = body_of(response);
  item.expires_at_s = std::chrono::ceil<std::chrono::seconds>(response.expires_at.time_since_epoch()).count();
  const auto bytes = item.body.size() * kParsedFactor;
  const auto kept = std::make_shared<const CachedResponse>(std::move(response));
  coaching.responses.keep(key, kept, bytes);
  lead.land(kept);
  writes.emplace_back(store::Put{std::move(item), store::Condition::none()});
}

void forget_response(const Coaching& coaching, const ResponseKey& key, std::vector<store::Write>& writes) {
  coaching.responses.drop(key);
  writes.emplace_back(store::Delete{item_key(key), store::Condition::none()});
}

}  // namespace coaching
