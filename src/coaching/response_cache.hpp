#pragma once
// Answers of models that equal requests of the same tenant get again: in memory, and behind it in the store, so that a
// restart or another process knows them too. Exact matches alone: topic with version, model, every byte of the prompt.
// Of equal requests that come to one process at once, one asks the model and the others wait for its answer.
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/bell.hpp"
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
  struct Flight;

 public:
  // Held by who asks the model for all that want the same answer. When it ends without one, the next of them asks.
  class Lead {
   public:
    Lead() = default;  // of nobody: for who asks for itself alone
    Lead(Lead&& other) noexcept;
    Lead& operator=(Lead&&) = delete;
    ~Lead() { land(nullptr); }

    void land(std::shared_ptr<const CachedResponse> response);  // only the first time counts

   private:
    friend class ResponseCache;
    Lead(ResponseCache& cache, std::string name, std::shared_ptr<Flight> flight);

    ResponseCache* cache_ = nullptr;
    std::string name_;
    std::shared_ptr<Flight> flight_;
  };
  struct Joined {
    std::shared_ptr<const CachedResponse> response;  // nullptr: the caller asks, under `lead`
    Lead lead;
  };

  explicit ResponseCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  std::shared_ptr<const CachedResponse> find(const ResponseKey& key,
                                             base::Time now);  // nullptr when unknown or too old
  void keep(const ResponseKey& key, std::shared_ptr<const CachedResponse> response, std::size_t bytes);
  void drop(const ResponseKey& key);
  std::size_t bytes() const;

  // The answer that an equal request is being given, waited for at most so long, or the lead when there is none.
  base::Task<Joined> join(ResponseKey key, base::Time now, base::Milliseconds patience);
  std::size_t waiting() const { return waiting_; }  // in join()

 private:
  // A question to a model that is under way. The cache's mutex guards `over` and `response`.
  struct Flight {
    base::Bell landed;
    bool over = false;
    std::shared_ptr<const CachedResponse> response;  // nullptr when it was over without
  };
  Joined board(const std::string& name, std::shared_ptr<Flight>& other);
  void land(const std::string& name, Flight& flight, std::shared_ptr<const CachedResponse> response);

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
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
  std::atomic<std::size_t> waiting_ = 0;
};

// An answer that is known, or that an equal request under way gets within the time that a call to a model may take; else
// none, and the caller asks: for all, or for itself alone when the cache is off, with `bypass`, and when it has waited so
// long. Counted in purposepath_response_cache_total.
base::Task<ResponseCache::Joined> find_response(const Coaching& coaching, ResponseKey key, bool bypass);
// For the transaction that stores what the answer was asked for; nothing when the cache is off. Memory, and who waits for
// `lead`, know it at once.
void keep_response(const Coaching& coaching, const ResponseKey& key, CachedResponse response, ResponseCache::Lead& lead,
                   std::vector<store::Write>& writes);
// For the transaction that erases what the answer was asked for.
void forget_response(const Coaching& coaching, const ResponseKey& key, std::vector<store::Write>& writes);

}  // namespace coaching
