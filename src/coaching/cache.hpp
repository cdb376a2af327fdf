#pragma once
// A bounded memory of recent windows, so that a turn reads nothing from the store. It is a guess, never the truth: every
// write is conditional on the version it was based on, and a refused write drops the guess.
#include <array>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "coaching/records.hpp"

namespace coaching {

class ConversationCache {
 public:
  explicit ConversationCache(std::size_t capacity) : per_shard_(capacity / kShards + 1) {}

  SnapshotPtr find(const std::string& conversation_id);  // nullptr when unknown
  void keep(SnapshotPtr snapshot);  // the least recently used goes when it is full
  void drop(const std::string& conversation_id);

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    std::list<SnapshotPtr> by_use;  // most recent first
    std::unordered_map<std::string, std::list<SnapshotPtr>::iterator> by_id;
  };
  Shard& shard_of(const std::string& id) { return shards_[std::hash<std::string>{}(id) % kShards]; }

  std::size_t per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace coaching
