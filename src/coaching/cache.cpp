#include "coaching/cache.hpp"

namespace coaching {

SnapshotPtr ConversationCache::find(const std::string& conversation_id) {
  auto& shard = shard_of(conversation_id);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.by_id.find(conversation_id);
  if (found == shard.by_id.end()) return nullptr;
  shard.by_use.splice(shard.by_use.begin(), shard.by_use, found->second);
  return *found->second;
}

void ConversationCache::keep(SnapshotPtr snapshot) {
  const auto& id = snapshot->conversation.conversation_id;
  auto& shard = shard_of(id);
  const std::scoped_lock lock(shard.mutex);
  if (const auto found = shard.by_id.find(id); found != shard.by_id.end()) {
    // A slower thread must not put an older state over a newer one.
    if ((*found->second)->version <= snapshot->version) *found->second = std::move(snapshot);
    shard.by_use.splice(shard.by_use.begin(), shard.by_use, found->second);
    return;
  }
  shard.by_use.push_front(std::move(snapshot));
  shard.by_id.emplace(id, shard.by_use.begin());
  if (shard.by_use.size() > per_shard_) {
    shard.by_id.erase(shard.by_use.back()->conversation.conversation_id);
    shard.by_use.pop_back();
  }
}

void ConversationCache::drop(const std::string& conversation_id) {
  auto& shard = shard_of(conversation_id);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.by_id.find(conversation_id);
  if (found == shard.by_id.end()) return;
  shard.by_use.erase(found->second);
  shard.by_id.erase(found);
}

}  // namespace coaching
