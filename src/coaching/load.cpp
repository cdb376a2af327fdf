// Reading: conversations, their messages, a user's list.
#include "coaching/cache.hpp"
#include "coaching/conversations.hpp"
#include "coaching/summary.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr std::size_t kPage = 200;
// A list by page numbers walks the user's entries; beyond this many it says so instead of walking for ever.
constexpr std::size_t kMostEntries = 20'000;

Error no_conversation() { return Error(Code::conversation_not_found, "there is no such conversation of yours"); }

Task<std::vector<std::shared_ptr<const Message>>> read_window(const Coaching& coaching,
                                                              const Conversation& conversation) {
  std::vector<std::shared_ptr<const Message>> window;
  store::Query query;
  const auto first = message_key(conversation.conversation_id, conversation.window_start);
  query.partition = first.partition;
  query.from = first.sort;
  query.to = "msg$";
  query.limit = kPage;
  for (bool more = true; more;) {
    auto page = co_await coaching.store.query(query);
    for (const auto& item : page.items) {
      window.push_back(std::make_shared<const Message>(record_of<Message>(item)));
    }
    more = page.more;
    if (more) query.after = page.items.back().key.sort;
  }
  co_return window;
}

Task<std::vector<Entry>> read_entries(const Coaching& coaching, const Owner& owner) {
  std::vector<Entry> entries;
  store::Query query;
  query.partition = user_partition(owner);
  query.from = "conv#";
  query.to = "conv$";
  query.descending = true;  // ids sort by time: newest first
  query.limit = 1000;
  for (bool more = true; more;) {
    auto page = co_await coaching.store.query(query);
    for (const auto& item : page.items) entries.push_back(record_of<Entry>(item));
    more = page.more && entries.size() < kMostEntries;
    if (more) query.after = page.items.back().key.sort;
  }
  co_return entries;
}

// In the order of `entries`; a conversation deleted meanwhile is missing.
Task<std::vector<Conversation>> read_conversations(const Coaching& coaching, std::span<const Entry> entries) {
  std::vector<store::Key> keys;
  for (const auto& entry : entries) keys.push_back(conversation_key(entry.conversation_id));
  std::vector<Conversation> conversations;
  for (std::size_t begin = 0; begin < keys.size(); begin += store::kMaxWrites) {
    const auto end = std::min(keys.size(), begin + store::kMaxWrites);
    const auto items = co_await coaching.store.get_many(std::vector<store::Key>(
        keys.begin() + static_cast<std::ptrdiff_t>(begin), keys.begin() + static_cast<std::ptrdiff_t>(end)));
    for (const auto& item : items) conversations.push_back(record_of<Conversation>(item));
  }
  std::ranges::sort(conversations, std::greater{}, &Conversation::conversation_id);
  co_return conversations;
}

Task<std::shared_ptr<const BusinessContext>> read_context(const Coaching& coaching, const Conversation& conversation) {
  if (!conversation.has_business) co_return nullptr;
  const auto item = co_await coaching.store.get(context_key(conversation.conversation_id));
  if (!item) co_return nullptr;
  co_return std::make_shared<const BusinessContext>(record_of<BusinessContext>(*item));
}

}  // namespace

Task<SnapshotPtr> load_unchecked(const Coaching& coaching, const std::string& conversation_id) {
  if (auto known = coaching.cache.find(conversation_id)) co_return known;
  if (!base::is_id(conversation_id, "conv")) co_return nullptr;
  for (;;) {
    const auto item = co_await coaching.store.get(conversation_key(conversation_id));
    if (!item) co_return nullptr;
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->conversation = record_of<Conversation>(*item);
    snapshot->version = item->version;
    snapshot->recent = co_await read_window(coaching, snapshot->conversation);
    snapshot->summary = co_await read_summary(coaching, snapshot->conversation, snapshot->conversation.summary_number);
    snapshot->context = co_await read_context(coaching, snapshot->conversation);
    // The two reads are not one: a message that came in between would belong to a newer record.
    const auto& recent = snapshot->recent;
    const auto count = recent.empty() ? snapshot->conversation.window_start : recent.back()->sequence + 1;
    if (count > snapshot->conversation.message_count) continue;
    coaching.cache.keep(snapshot);
    co_return snapshot;
  }
}

Task<SnapshotPtr> load(const Coaching& coaching, const Owner& owner, const std::string& conversation_id) {
  auto snapshot = co_await load_unchecked(coaching, conversation_id);
  if (!snapshot || snapshot->conversation.owner != owner) throw no_conversation();
  co_return snapshot;
}

Task<SnapshotPtr> with_present_context(const Coaching& coaching, SnapshotPtr snapshot,
                                       std::shared_ptr<const Topic> topic, base::PrivateText token,
                                       telemetry::Trace trace) {
  const auto& conversation = snapshot->conversation;
  ContextRequest request{conversation.owner, std::move(token), conversation.user_name, conversation.context, trace};
  auto context = co_await gather(coaching, std::move(topic), std::move(request), snapshot->context);
  if (context == snapshot->context) co_return snapshot;
  auto after = std::make_shared<Snapshot>(*snapshot);
  after->conversation.has_business = context != nullptr;
  after->context = std::move(context);
  co_return after;
}

Task<MessagePage> read_messages(const Coaching& coaching, const Conversation& conversation,
                                std::string after_message_id, std::size_t limit) {
  store::Query query;
  query.partition = conversation_key(conversation.conversation_id).partition;
  query.from = "msg#";
  query.to = "msg$";
  MessagePage page;
  // Message ids sort as their numbers do, so the place after an id is found while reading.
  for (;;) {
    query.limit = std::min<std::size_t>(1000, limit + 1);
    const auto got = co_await coaching.store.query(query);
    for (const auto& item : got.items) {
      auto message = record_of<Message>(item);
      if (!after_message_id.empty() && message.message_id <= after_message_id) continue;
      if (page.messages.size() == limit) {
        page.more = true;
        co_return page;
      }
      page.messages.push_back(std::move(message));
    }
    if (!got.more) co_return page;
    query.after = got.items.back().key.sort;
  }
}

Task<ConversationPage> list_conversations(const Coaching& coaching, Owner owner, std::int64_t page,
                                          std::int64_t page_size, bool active_only) {
  auto entries = co_await read_entries(coaching, owner);
  ConversationPage result;
  const auto begin = static_cast<std::size_t>((page - 1) * page_size);
  const auto size = static_cast<std::size_t>(page_size);
  if (!active_only) {
    result.total = static_cast<std::int64_t>(entries.size());
    const auto first = std::min(begin, entries.size());
    const auto count = std::min(size, entries.size() - first);
    result.conversations = co_await read_conversations(coaching, std::span(entries).subspan(first, count));
    co_return result;
  }
  // Only those that have not ended can go on, and of those there is one per topic: few.
  std::erase_if(entries, [](const Entry& entry) { return entry.ended; });
  auto open = co_await read_conversations(coaching, entries);
  const auto now = coaching.clock.now();
  std::erase_if(open, [&](const Conversation& conversation) {
    return !is_open(shown_status(conversation, now, coaching.patience()));
  });
  result.total = static_cast<std::int64_t>(open.size());
  for (auto i = begin; i < open.size() && i < begin + size; ++i) result.conversations.push_back(std::move(open[i]));
  co_return result;
}

Task<std::vector<Conversation>> newest_by_topic(const Coaching& coaching, Owner owner) {
  const auto entries = co_await read_entries(coaching, owner);
  std::map<std::string, Entry> newest;
  for (const auto& entry : entries) newest.emplace(entry.topic, entry);  // newest first: the first one stays
  std::vector<Entry> wanted;
  for (auto& [topic, entry] : newest) wanted.push_back(std::move(entry));
  co_return co_await read_conversations(coaching, wanted);
}

}  // namespace coaching
