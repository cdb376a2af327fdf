// Reading: which version is live, and the topic it holds. Writing is in topic_publishing.cpp.
#include "coaching/topic_versions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coaching/options.hpp"
#include "coaching/topic_records.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr std::size_t kMostScopes = 10'000;  // then all are forgotten, and read once more
constexpr std::size_t kMostCompiled = 1'000;

std::string memory_key(const TopicRef& ref) { return fmt::format("{}\n{}\n{}", ref.scope, ref.id, ref.version); }

Error unusable(const TopicRef& ref, std::string_view why) {
  return Error(Code::internal_error,
               fmt::format("version {} of the topic {} cannot be used by this binary: {}", ref.version, ref.id, why));
}

std::optional<TopicRef> live_ref(const std::map<std::string, TopicPointer, std::less<>>& pointers,
                                 const std::string& scope, const std::string& id) {
  const auto found = pointers.find(id);
  if (found == pointers.end() || found->second.live == 0) return std::nullopt;
  return TopicRef{id, scope, found->second.live};
}

}  // namespace

Task<std::shared_ptr<const TopicVersions::Pointers>> TopicVersions::pointers_of(std::string scope) {
  const auto now = clock_.now();
  {
    const std::scoped_lock lock(mutex_);
    const auto known = pointers_.find(scope);
    if (known != pointers_.end() && now - known->second.read_at < kPointerAge) co_return known->second.pointers;
  }
  auto fresh = std::make_shared<Pointers>();
  for (auto& pointer : co_await pointers(scope)) fresh->emplace(pointer.topic, std::move(pointer));
  const std::scoped_lock lock(mutex_);
  if (pointers_.size() >= kMostScopes) pointers_.clear();
  pointers_.insert_or_assign(std::move(scope), ScopePointers{now, fresh});
  co_return fresh;
}

void TopicVersions::forget(const std::string& scope) {
  const std::scoped_lock lock(mutex_);
  pointers_.erase(scope);
}

std::shared_ptr<const Topic> TopicVersions::remembered(const TopicRef& ref) {
  if (ref.scope.empty()) return built_in_.find(ref.id);
  const std::scoped_lock lock(mutex_);
  const auto known = compiled_.find(memory_key(ref));
  if (known == compiled_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, known->second);
  return known->second->topic;
}

void TopicVersions::remember(const TopicRef& ref, std::shared_ptr<const Topic> topic) {
  auto key = memory_key(ref);
  const std::scoped_lock lock(mutex_);
  if (compiled_.contains(key)) return;
  by_use_.push_front({key, std::move(topic)});
  compiled_.emplace(std::move(key), by_use_.begin());
  if (by_use_.size() <= kMostCompiled) return;
  compiled_.erase(by_use_.back().key);
  by_use_.pop_back();
}

Task<std::shared_ptr<const Topic>> TopicVersions::read(TopicRef ref) {
  const auto texts = co_await files(ref);
  if (texts.empty()) co_return nullptr;
  const auto split = split_shared(texts);
  std::shared_ptr<Topic> topic;
  try {
    topic = std::make_shared<Topic>(read_topic(split.files, split.shared, ref.id));
  } catch (const Error& error) {
    throw unusable(ref, error.message);
  }
  topic->scope = ref.scope;
  topic->version = ref.version;
  remember(ref, topic);
  co_return topic;
}

Task<std::shared_ptr<const Topic>> TopicVersions::at(TopicRef ref) {
  auto known = remembered(ref);
  if (known || ref.scope.empty()) co_return known;
  co_return co_await read(std::move(ref));
}

Task<std::shared_ptr<const Topic>> TopicVersions::live(std::string tenant, std::string id) {
  if (tenant != kAllTenants) {
    const auto own = co_await pointers_of(tenant);
    if (auto ref = live_ref(*own, tenant, id)) co_return co_await at(std::move(*ref));
  }
  const std::string all(kAllTenants);
  const auto common = co_await pointers_of(all);
  if (auto ref = live_ref(*common, all, id)) co_return co_await at(std::move(*ref));
  co_return built_in_.find(id);
}

Task<std::vector<std::shared_ptr<const Topic>>> TopicVersions::all_live(std::string tenant) {
  std::map<std::string, TopicRef> refs;
  for (auto& id : built_in_.ids()) refs.emplace(id, TopicRef{id, "", 0});
  std::vector<std::string> scopes{std::string(kAllTenants)};
  if (tenant != kAllTenants) scopes.push_back(std::move(tenant));
  for (const auto& scope : scopes) {
    const auto found = co_await pointers_of(scope);
    for (const auto& [id, pointer] : *found) {
      if (pointer.live > 0) refs.insert_or_assign(id, TopicRef{id, scope, pointer.live});
    }
  }
  std::vector<std::shared_ptr<const Topic>> topics;
  for (const auto& [id, ref] : refs) {
    try {
      if (auto topic = co_await at(ref)) topics.push_back(std::move(topic));
    } catch (const Error& error) {
      if (error.code != Code::internal_error) throw;
      log_.write(telemetry::Level::error, "topic_unusable",
                 {{"topic", id}, {"version", ref.version}, {"reason", error.message}});
    }
  }
  co_return topics;
}

Task<std::vector<TopicPointer>> TopicVersions::pointers(std::string scope) {
  std::vector<TopicPointer> found;
  store::Query query;
  query.partition = pointer_key(scope, "").partition;
  query.limit = 1000;
  for (bool more = true; more;) {
    const auto page = co_await store_.query(query);
    for (const auto& item : page.items) found.push_back(record_of<TopicPointer>(item));
    more = page.more;
    if (more) query.after = page.items.back().key.sort;
  }
  co_return found;
}

Task<std::optional<TopicPointer>> TopicVersions::pointer(std::string scope, std::string id) {
  const auto item = co_await store_.get(pointer_key(scope, id));
  if (!item) co_return std::nullopt;
  co_return record_of<TopicPointer>(*item);
}

Task<std::vector<TopicVersion>> TopicVersions::versions(std::string scope, std::string id) {
  std::vector<TopicVersion> found;
  store::Query query;
  query.partition = version_key({id, scope, 0}).partition;
  query.from = "v#";
  query.to = "v$";
  query.descending = true;
  query.limit = 1000;
  for (bool more = true; more;) {
    const auto page = co_await store_.query(query);
    for (const auto& item : page.items) found.push_back(record_of<TopicVersion>(item));
    more = page.more;
    if (more) query.after = page.items.back().key.sort;
  }
  co_return found;
}

Task<std::optional<TopicVersion>> TopicVersions::version(TopicRef ref) {
  const auto item = co_await store_.get(version_key(ref));
  if (!item) co_return std::nullopt;
  co_return record_of<TopicVersion>(*item);
}

Task<TopicFiles> TopicVersions::files(TopicRef ref) {
  if (ref.scope.empty()) co_return built_in_.files(ref.id);
  const auto item = co_await store_.get(files_key(ref));
  if (!item) co_return TopicFiles{};
  TopicFiles files;
  const auto texts = base::parse_json(item->body);
  for (const auto& [name, text] : texts.as_object()) files.emplace(name, std::string(text.as_string()));
  co_return files;
}

Task<std::shared_ptr<const Topic>> live_topic(const Coaching& coaching, std::string tenant, std::string id) {
  return coaching.topic_versions.live(std::move(tenant), std::move(id));
}

Task<std::shared_ptr<const Topic>> topic_at(const Coaching& coaching, TopicRef ref) {
  return coaching.topic_versions.at(std::move(ref));
}

Task<std::vector<std::shared_ptr<const Topic>>> live_topics(const Coaching& coaching, std::string tenant) {
  return coaching.topic_versions.all_live(std::move(tenant));
}

TopicRef topic_ref(const Conversation& conversation) {
  return {conversation.topic, conversation.topic_scope,
          conversation.topic_scope.empty() ? 0 : conversation.topic_version};
}

Task<std::shared_ptr<const Topic>> topic_of(const Coaching& coaching, const Conversation& conversation) {
  auto ref = topic_ref(conversation);
  auto topic = coaching.topic_versions.remembered(ref);
  if (!topic) topic = co_await coaching.topic_versions.at(std::move(ref));
  if (!topic) throw Error(Code::topic_not_found, "the topic of this conversation is no longer there");
  co_return topic;
}

}  // namespace coaching
