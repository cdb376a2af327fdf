#pragma once
// Answers of models that equal requests of the same tenant get again: in memory, and behind it in the store, so that a
// restart or another process knows them too. Exact matches alone: topic with version, model, every byte of the prompt.
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "coaching/options.hpp"
#include "coaching/records.hpp"
#include "coaching/topic.hpp"
#include "llm/provider.hpp"

namespace coaching {

struct CachedResponse {
  base::json::value result;
  std::string model;  // who made it
  base::Time expires_at{};
};
BOOST_DESCRIBE_STRUCT(CachedResponse, (), (result, model, expires_at))

// Where an answer is kept. Tenants have partitions of their own, so no hash leads from one to another.
struct ResponseKey {
  std::string tenant_id;
  std::string hash;
};
// `request` is whole but for its schema, which goes with the topic.
ResponseKey response_key(const Coaching& coaching, const Owner& owner, const Topic& topic, const llm::Request& request);

// Bounded in bytes; the least recently used go first. Any thread.
class ResponseCache {
 public:
  explicit ResponseCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  std::shared_ptr<const CachedResponse> find(const ResponseKey& key,
                                             base::Time now);  // nullptr when unknown or too old
  void keep(const ResponseKey& key, std::shared_ptr<const CachedResponse> response, std::size_t bytes);
  void drop(const ResponseKey& key);
  std::size_t bytes() const;

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const CachedResponse> response;
    std::size_t bytes;
  };
  using Entries = std::list<Entry>;
  static std::string name_of(const ResponseKey& key);
  void erase(Entries::iterator entry);

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  Entries by_use_;  // most recent first
  std::unordered_map<std::string, Entries::iterator> by_name_;
};

// nullptr when there is none, when the cache is off, and with `bypass`. Counted in purposepath_response_cache_total.
base::Task<std::shared_ptr<const CachedResponse>> find_response(const Coaching& coaching, ResponseKey key, bool bypass);
// For the transaction that stores what the answer was asked for; nothing when the cache is off. Memory knows it at once.
void keep_response(const Coaching& coaching, const ResponseKey& key, CachedResponse response,
                   std::vector<store::Write>& writes);
// For the transaction that erases what the answer was asked for.
void forget_response(const Coaching& coaching, const ResponseKey& key, std::vector<store::Write>& writes);

}  // namespace coaching
