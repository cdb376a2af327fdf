#include "coaching/response_cache.hpp"

#include <fmt/format.h>

#include <utility>

namespace coaching {
namespace {

using base::Task;

// A parsed answer takes about so many times the room of its text.
constexpr std::size_t kParsedFactor = 4;

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

Task<std::shared_ptr<const CachedResponse>> find_response(const Coaching& coaching, ResponseKey key, bool bypass) {
  if (bypass || coaching.options.analysis.cache_ttl.count() <= 0) {
    count(coaching, "bypass");
    co_return nullptr;
  }
  const auto now = coaching.clock.now();
  if (auto known = coaching.responses.find(key, now)) {
    count(coaching, "hit");
    co_return known;
  }
  const auto item = co_await coaching.store.get(item_key(key));
  std::shared_ptr<const CachedResponse> stored;
  if (item) stored = std::make_shared<const CachedResponse>(record_of<CachedResponse>(*item));
  if (!stored || stored->expires_at <= now) {
    count(coaching, "miss");
    co_return nullptr;
  }
  count(coaching, "store_hit");
  coaching.responses.keep(key, stored, item->body.size() * kParsedFactor);
  co_return stored;
}

void keep_response(const Coaching& coaching, const ResponseKey& key, CachedResponse response,
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
  coaching.responses.keep(key, std::make_shared<const CachedResponse>(std::move(response)), bytes);
  writes.emplace_back(store::Put{std::move(item), store::Condition::none()});
}

void forget_response(const Coaching& coaching, const ResponseKey& key, std::vector<store::Write>& writes) {
  coaching.responses.drop(key);
  writes.emplace_back(store::Delete{item_key(key), store::Condition::none()});
}

}  // namespace coaching
