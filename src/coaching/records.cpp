#include "coaching/records.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

namespace coaching {
namespace {

std::string conversation_partition(std::string_view id) { return fmt::format("conv#{}", id); }

}  // namespace

std::string key_part(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (c == '#' || c == '%') {
      escaped += c == '#' ? "%23" : "%25";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string text_of_key_part(std::string_view part) {
  std::string text;
  text.reserve(part.size());
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '%') {
      text += part.substr(i, 3) == "%23" ? '#' : '%';
      i += 2;
    } else {
      text += part[i];
    }
  }
  return text;
}

store::Key conversation_key(std::string_view conversation_id) {
  return {conversation_partition(conversation_id), "conversation"};
}

store::Key message_key(std::string_view conversation_id, std::int64_t sequence) {
  return {conversation_partition(conversation_id), fmt::format("msg#{:010}", sequence)};
}

store::Key summary_key(std::string_view conversation_id, std::int64_t number) {
  return {conversation_partition(conversation_id), fmt::format("summary#{:06}", number)};
}

store::Key context_key(std::string_view conversation_id) {
  return {conversation_partition(conversation_id), "context"};
}

store::Key idempotency_key(std::string_view conversation_id, std::string_view key_hash) {
  return {conversation_partition(conversation_id), fmt::format("idem#{}", key_hash)};
}

std::string user_partition(const Owner& owner) {
  return fmt::format("user#{}#{}", key_part(owner.tenant_id), key_part(owner.user_id));
}

store::Key entry_key(const Owner& owner, std::string_view conversation_id) {
  return {user_partition(owner), fmt::format("conv#{}", conversation_id)};
}

store::Key active_key(const Owner& owner, std::string_view topic) {
  return {user_partition(owner), fmt::format("active#{}", topic)};
}

store::Key job_key(std::string_view job_id) { return {fmt::format("job#{}", job_id), "job"}; }

std::string due_sort(base::Time time, std::string_view id) {
  return fmt::format("{:015}#{}", time.time_since_epoch().count(), id);
}

std::string due_before(base::Time time) { return fmt::format("{:015}$", time.time_since_epoch().count()); }

namespace {

// Room for an open turn, and what else grows a little from turn to turn.
constexpr std::size_t kOpenTurnBytes = 256;
constexpr std::size_t kStep = 512;

// Fills the record up with white space to one of few sizes, so that nearly always it has the size that it had before:
// a store can then write it where it lies, instead of making room on its page. The index entry of an open turn counts
// towards the size.
void pad(store::Item& item, bool open_turn) {
  const auto expected = item.body.size() + (open_turn ? 0 : kOpenTurnBytes);
  auto size = (expected / kStep + 1) * kStep;
  if (item.index) size -= item.index->partition.size() + item.index->sort.size();
  if (size > item.body.size()) item.body.append(size - item.body.size(), ' ');
}

}  // namespace

store::Put put_conversation(const Conversation& conversation, std::int64_t new_version, store::Condition when) {
  store::Item item;
  item.key = conversation_key(conversation.conversation_id);
  item.version = new_version;
  item.body = body_of(conversation);
  if (conversation.open_turn) {
    item.index = store::Key{std::string(kOpenTurns),
                            due_sort(conversation.open_turn->lease_until, conversation.conversation_id)};
  }
  pad(item, conversation.open_turn.has_value());
  return {std::move(item), when};
}

store::Put put_message(std::string_view conversation_id, const Message& message) {
  store::Item item;
  item.key = message_key(conversation_id, message.sequence);
  item.version = 1;
  item.body = body_of(message);
  return {std::move(item), store::Condition::absent()};
}

store::Put put_summary(std::string_view conversation_id, const Summary& summary) {
  store::Item item;
  item.key = summary_key(conversation_id, summary.number);
  item.version = 1;
  item.body = body_of(summary);
  return {std::move(item), store::Condition::absent()};
}

// In the transaction that changes its conversation, whose version fences both.
store::Put put_context(std::string_view conversation_id, const BusinessContext& context) {
  store::Item item;
  item.key = context_key(conversation_id);
  item.version = 1;
  item.body = body_of(context);
  return {std::move(item), store::Condition::none()};
}

store::Put put_entry(const Conversation& conversation) {
  Entry entry{conversation.conversation_id, conversation.topic, !is_open(conversation.status)};
  store::Item item;
  item.key = entry_key(conversation.owner, conversation.conversation_id);
  item.version = 1;
  item.body = body_of(entry);
  return {std::move(item), store::Condition::none()};
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

}  // namespace coaching
