#pragma once
// The life of a conversation outside its turns.
#include <optional>
#include <string>
#include <vector>

#include "coaching/context.hpp"
#include "coaching/options.hpp"
#include "coaching/records.hpp"
#include "coaching/topic.hpp"

namespace coaching {

// The newest committed state: from memory when it is there, else from the store. Throws Error{conversation_not_found},
// also when it belongs to somebody else.
base::Task<SnapshotPtr> load(const Coaching& coaching, const Owner& owner, const std::string& conversation_id);
// Without asking whose it is; nullptr when there is none.
base::Task<SnapshotPtr> load_unchecked(const Coaching& coaching, const std::string& conversation_id);

// With the business context as it is now, gathered with that token; the same snapshot when nothing has changed. Whoever
// goes on with it stores its context too.
base::Task<SnapshotPtr> with_present_context(const Coaching& coaching, SnapshotPtr snapshot,
                                             std::shared_ptr<const Topic> topic, base::PrivateText token,
                                             telemetry::Trace trace = {});

struct StartRequest {
  std::string topic;
  base::json::object context;
  std::string language = "en";
  std::string tier = "free";
  base::PrivateText user_name;
  base::PrivateText token;  // the caller's, to read the business context with
  telemetry::Trace trace;
};
struct Started {
  Conversation conversation;
  std::shared_ptr<const BusinessContext> context;  // nullptr for none
  Message initial_message;
};
// Asks the model for the opening, then stores conversation and opening in one transaction; the topic's conversation
// that was active so far becomes abandoned in the same one. Throws Error: topic_not_found, forbidden (tier),
// validation_error (context), llm_*.
base::Task<Started> start_conversation(const Coaching& coaching, Owner owner, StartRequest request);

base::Task<> pause_conversation(const Coaching& coaching, Owner owner, std::string conversation_id, std::string reason);
// Welcomes back; the welcome is stored as a message of the coach. The business context is read anew with the caller's
// token.
base::Task<Message> resume_conversation(const Coaching& coaching, Owner owner, std::string conversation_id,
                                        base::PrivateText token, telemetry::Trace trace = {});
// Marks as completing and has the result extracted as a job; waits for it up to options.complete_wait.
base::Task<> complete_conversation(const Coaching& coaching, Owner owner, std::string conversation_id,
                                   base::json::object feedback, telemetry::Trace trace = {});
base::Task<> cancel_conversation(const Coaching& coaching, Owner owner, std::string conversation_id);
// The transcript, the result and every trace of it in the user's list are gone.
base::Task<> delete_conversation(const Coaching& coaching, Owner owner, std::string conversation_id);

struct MessagePage {
  std::vector<Message> messages;
  bool more = false;
};
// Messages after that id ("" for the first), oldest first.
base::Task<MessagePage> read_messages(const Coaching& coaching, const Conversation& conversation,
                                      std::string after_message_id, std::size_t limit);

struct ConversationPage {
  std::vector<Conversation> conversations;  // newest first
  std::int64_t total = 0;
};
base::Task<ConversationPage> list_conversations(const Coaching& coaching, Owner owner, std::int64_t page,
                                                std::int64_t page_size, bool active_only);

// The newest conversation of each topic, for the list of topics.
base::Task<std::vector<Conversation>> newest_by_topic(const Coaching& coaching, Owner owner);

}  // namespace coaching
