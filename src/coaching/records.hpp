#pragma once
// How a conversation lies in the store. One partition holds a conversation (its record, its messages in order, its
// idempotency keys); another holds what a user has (a list entry per conversation, the active one per topic).
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coaching/conversation.hpp"
#include "store/store.hpp"

namespace coaching {

// A user's list: enough to order, count and filter without reading each conversation.
struct Entry {
  std::string conversation_id;
  std::string topic;
  bool ended = false;  // completed, needs_review, cancelled or abandoned by a newer one: will not be active again
};
BOOST_DESCRIBE_STRUCT(Entry, (), (conversation_id, topic, ended))

// Which conversation of a topic is the user's active one.
struct ActivePointer {
  std::string conversation_id;
};
BOOST_DESCRIBE_STRUCT(ActivePointer, (), (conversation_id))

struct IdempotencyRecord {
  std::string body_hash;
  std::string turn_id;
  std::int64_t sequence = 0;  // of the user's message; the reply has the next one
};
BOOST_DESCRIBE_STRUCT(IdempotencyRecord, (), (body_hash, turn_id, sequence))

inline constexpr std::string_view kOpenTurns = "open_turns";  // index partition; sorted by lease end
inline constexpr std::string_view kJobs = "jobs";             // index partition; sorted by due time
inline constexpr std::string_view kHolds = "holds";           // index partition; sorted by end of lease

store::Key conversation_key(std::string_view conversation_id);
store::Key message_key(std::string_view conversation_id, std::int64_t sequence);
store::Key summary_key(std::string_view conversation_id, std::int64_t number);
store::Key context_key(std::string_view conversation_id);
store::Key idempotency_key(std::string_view conversation_id, std::string_view key_hash);
store::Key entry_key(const Owner& owner, std::string_view conversation_id);
store::Key active_key(const Owner& owner, std::string_view topic);
store::Key job_key(std::string_view job_id);
// Parts of a key from outside, such as a user's id, without the '#' that separates parts; and back.
std::string key_part(std::string_view text);
std::string text_of_key_part(std::string_view part);
std::string user_partition(const Owner& owner);
// Sort keys of an index by time: what is due at or before `time` sorts before due_before(time).
std::string due_sort(base::Time time, std::string_view id);
std::string due_before(base::Time time);

template <class Record>
std::string body_of(const Record& record) {
  std::string body;
  body.reserve(1024);
  base::append_json(body, record);
  return body;
}
template <class Record>
Record record_of(const store::Item& item) {
  return base::from_json<Record>(base::parse_json(item.body, 64));
}

// The writes that change a conversation. Its index entry says whether a turn is open, and until when its lease runs.
store::Put put_conversation(const Conversation& conversation, std::int64_t new_version, store::Condition when);
store::Put put_message(std::string_view conversation_id, const Message& message);
store::Put put_summary(std::string_view conversation_id, const Summary& summary);
store::Put put_context(std::string_view conversation_id, const BusinessContext& context);
store::Put put_entry(const Conversation& conversation);

// Hex SHA-256: keys and bodies from outside are compared by it, never stored as they came.
std::string sha256_hex(std::string_view text);

// A conversation as last committed, with the tail of its messages. Immutable: threads share it.
struct Snapshot {
  Conversation conversation;
  std::int64_t version = 0;
  std::vector<std::shared_ptr<const Message>> recent;  // oldest first, without gaps, up to the newest
  std::shared_ptr<const Summary> summary;              // the record's summary_number; nullptr for none
  std::shared_ptr<const BusinessContext> context;      // nullptr unless the record has_business
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace coaching
