#include "coaching/turn.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>

#include "base/spawn.hpp"
#include "coaching/ask.hpp"
#include "coaching/cache.hpp"
#include "coaching/conversations.hpp"
#include "coaching/prompt.hpp"
#include "coaching/summary.hpp"
#include "coaching/tenants.hpp"
#include "coaching/topic_versions.hpp"
#include "coaching/turn_reply.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

// Each round needs somebody else to have changed the conversation in between.
constexpr int kRounds = 5;
constexpr base::Milliseconds kPollOtherProcess{250};
constexpr std::size_t kSearchedMessages = 200;

LiveTurnPtr answered(const Snapshot& snapshot, std::shared_ptr<const Message> reply) {
  OpenTurn open;
  open.turn_id = reply->turn->turn_id;
  open.message_id = reply->turn->message_id;
  open.attempt = reply->turn->attempt;
  return std::make_shared<LiveTurn>(snapshot.conversation.conversation_id, std::move(open), std::move(reply));
}

bool is_reply_of(const Message& message, std::string_view turn_id) {
  return message.role == Speaker::assistant && message.turn && message.turn->turn_id == turn_id;
}

// The reply of a committed turn: in the window nearly always, else among the newest stored messages.
Task<LiveTurnPtr> find_answer(const Coaching& coaching, const Snapshot& snapshot, std::string turn_id) {
  for (auto message = snapshot.recent.rbegin(); message != snapshot.recent.rend(); ++message) {
    if (is_reply_of(**message, turn_id)) co_return answered(snapshot, *message);
  }
  store::Query query;
  const auto key = message_key(snapshot.conversation.conversation_id, 0);
  query.partition = key.partition;
  query.from = key.sort;
  query.to = "msg$";
  query.descending = true;
  query.limit = kSearchedMessages;
  const auto page = co_await coaching.store.query(std::move(query));
  for (const auto& item : page.items) {
    auto message = record_of<Message>(item);
    if (is_reply_of(message, turn_id))
      co_return answered(snapshot, std::make_shared<const Message>(std::move(message)));
  }
  co_return nullptr;
}

void check_may_continue(const Coaching& coaching, const Conversation& conversation, const Topic& topic,
                        const TurnRequest& request) {
  const auto status = shown_status(conversation, coaching.clock.now(), coaching.patience());
  if (!is_open(status) || (status == Status::paused && !request.resume_paused)) {
    throw Error(Code::conversation_not_active,
                fmt::format("this conversation is {}; {}", base::name_of(status),
                            status == Status::paused ? "resume it first" : "start a new one"),
                base::json::object{{"status", base::name_of(status)}});
  }
  const std::int64_t limit = topic.max_turns > 0 ? topic.max_turns : coaching.options.max_turns;
  if (limit > 0 && conversation.turn_count >= limit) {
    throw Error(Code::domain_validation_error,
                fmt::format("this conversation has reached its {} turns; complete it to get the result", limit),
                base::json::object{{"rule", "max_turns_reached"}, {"max_turns", limit}});
  }
}

OpenTurn open_turn(const Coaching& coaching, std::string turn_id, std::string message_id, std::int64_t attempt,
                   std::string idempotency) {
  return {std::move(turn_id),     std::move(message_id), attempt, coaching.clock.now() + coaching.options.turn_lease,
          std::move(idempotency), std::nullopt};
}

// The user's last message got no reply (the model failed), and this is the same text again: a retry, not a new message.
bool repeats_unanswered(const Snapshot& snapshot, const TurnRequest& request) {
  return !snapshot.recent.empty() && snapshot.recent.back()->role == Speaker::user &&
         snapshot.recent.back()->content == request.user_message;
}

struct Acceptance {
  std::shared_ptr<Snapshot> snapshot;  // as it will be once `writes` are committed
  std::vector<store::Write> writes;
};

// Reopens the turn of the last, unanswered message.
Acceptance reopen(const Coaching& coaching, const Topic& topic, const Snapshot& before, std::string turn_id,
                  std::string idempotency) {
  Acceptance acceptance{std::make_shared<Snapshot>(before), {}};
  auto& conversation = acceptance.snapshot->conversation;
  conversation.status = Status::active;
  conversation.updated_at = coaching.clock.now();
  conversation.open_turn = open_turn(coaching, std::move(turn_id), before.recent.back()->message_id,
                                     ++conversation.last_attempt, std::move(idempotency));
  conversation.open_turn->reservation = reservation_for_turn(coaching, topic, *acceptance.snapshot);
  acceptance.snapshot->version = before.version + 1;
  acceptance.writes.emplace_back(
      put_conversation(conversation, before.version + 1, store::Condition::version_is(before.version)));
  return acceptance;
}

Acceptance append_message(const Coaching& coaching, const Topic& topic, const Snapshot& before,
                          const TurnRequest& request, std::string idempotency) {
  auto message = std::make_shared<Message>();
  message->message_id = coaching.ids.next("msg");
  message->sequence = before.conversation.message_count;
  message->content = request.user_message;
  message->timestamp = coaching.clock.now();
  message->metadata = request.metadata;
  message->tokens = count_message(message->content.reveal());

  Acceptance acceptance{std::make_shared<Snapshot>(before), {}};
  auto& conversation = acceptance.snapshot->conversation;
  conversation.status = Status::active;
  conversation.updated_at = message->timestamp;
  conversation.message_count += 1;
  conversation.last_attempt = 1;
  conversation.open_turn =
      open_turn(coaching, coaching.ids.next("turn"), message->message_id, 1, std::move(idempotency));
  acceptance.snapshot->recent.push_back(message);
  conversation.open_turn->reservation = reservation_for_turn(coaching, topic, *acceptance.snapshot);
  acceptance.snapshot->version = before.version + 1;
  acceptance.writes.emplace_back(
      put_conversation(conversation, before.version + 1, store::Condition::version_is(before.version)));
  acceptance.writes.emplace_back(put_message(conversation.conversation_id, *message));
  return acceptance;
}

// Of a conversation that has one.
const OpenTurn& open_turn_of(const Snapshot& snapshot) {
  const auto& open = snapshot.conversation.open_turn;
  if (!open) throw Error(Code::internal_error, "a turn was expected to be open");
  return *open;
}

store::Put put_idempotency(const Coaching& coaching, const Snapshot& snapshot, std::string_view key_hash,
                           std::string body_hash) {
  const auto& conversation = snapshot.conversation;
  store::Item item;
  item.key = idempotency_key(conversation.conversation_id, key_hash);
  item.version = 1;
  item.body =
      body_of(IdempotencyRecord{std::move(body_hash), open_turn_of(snapshot).turn_id, conversation.message_count - 1});
  const auto until = coaching.clock.now() + coaching.options.idempotency_ttl;
  item.expires_at_s = std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count();
  return {std::move(item), store::Condition::absent()};
}

std::string hash_body(const TurnRequest& request) {
  return sha256_hex(request.user_message.reveal() + '\0' + base::write_json(request.metadata));
}

// Registers the turn and has it run. From here on it does not depend on whoever asked for it.
LiveTurnPtr start(const Coaching& coaching, SnapshotPtr snapshot, boost::asio::any_io_executor executor, bool stream,
                  const telemetry::Trace& trace = {}) {
  const auto& conversation = snapshot->conversation;
  auto live = std::make_shared<LiveTurn>(conversation.conversation_id, open_turn_of(*snapshot), executor);
  live->version = snapshot->version;
  live->leased_at = coaching.clock.now();
  live->trace = trace;
  coaching.live_turns.add(live->turn.turn_id, live);
  base::spawn_cancellable(executor, run_turn(coaching, live, std::move(snapshot), stream), live->cancellation(), live);
  return live;
}

// Somebody's turn is open: wait for it when its owner is gone, refuse the message when the owner is at work.
Task<> settle_open_turn(const Coaching& coaching, const Snapshot& snapshot) {
  const auto& conversation = snapshot.conversation;
  const OpenTurn open = open_turn_of(snapshot);
  if (coaching.live_turns.find(open.turn_id) || open.lease_until > coaching.clock.now()) throw turn_in_progress(open);
  const auto taken = co_await take_over(coaching, conversation.conversation_id, false);
  if (!taken) co_return;
  try {
    co_await taken->wait_for_reply();
  } catch (const Error&) {
    // The old turn failed and is closed by now; the new message may go on.
  }
}

// What a key that was used before stands for: the turn at work or its answer, a turn to try again, or nothing.
struct Repeat {
  LiveTurnPtr live;
  std::optional<Acceptance> retry;
};
Task<Repeat> find_repeat(const Coaching& coaching, const Snapshot& snapshot, const std::string& key_hash,
                         const TurnRequest& request) {
  const auto& conversation = snapshot.conversation;
  const auto item = co_await coaching.store.get(idempotency_key(conversation.conversation_id, key_hash));
  if (!item) co_return Repeat{};
  const auto record = record_of<IdempotencyRecord>(*item);
  if (record.body_hash != hash_body(request)) {
    throw Error(Code::idempotency_mismatch,
                "this Idempotency-Key was used for another message; use a new key for a new message");
  }
  if (conversation.open_turn && conversation.open_turn->turn_id == record.turn_id) {
    co_return Repeat{co_await find_turn(coaching, conversation.owner, conversation.conversation_id, record.turn_id,
                                        coaching.options.turn_lease),
                     {}};
  }
  if (auto answer = co_await find_answer(coaching, snapshot, record.turn_id)) co_return Repeat{std::move(answer), {}};
  const bool is_last = record.sequence + 1 == conversation.message_count && !snapshot.recent.empty() &&
                       snapshot.recent.back()->role == Speaker::user;
  if (!is_last || conversation.open_turn) {
    throw Error(Code::conflict, "this message got no reply and the conversation has gone on; send it with a new key");
  }
  const auto topic = co_await topic_of(coaching, conversation);
  co_return Repeat{nullptr, reopen(coaching, *topic, snapshot, record.turn_id, key_hash)};
}

// False when the conversation has changed meanwhile. Throws quota_exceeded.
Task<bool> commit_within_budgets(const Coaching& coaching, Acceptance& acceptance) {
  const auto& conversation = acceptance.snapshot->conversation;
  const auto& reservation = open_turn_of(*acceptance.snapshot).reservation;
  const auto first_reserving = acceptance.writes.size();
  if (reservation) reserve(coaching, account_of(conversation), *reservation, acceptance.writes);
  const auto outcome = co_await coaching.store.transact(std::move(acceptance.writes));
  if (reservation) {
    auto refusal = refused_budget(coaching, account_of(conversation), outcome, first_reserving);
    if (refusal) throw std::move(*refusal);
  }
  co_return outcome.committed();
}

struct Accepted {
  LiveTurnPtr live;  // a turn that is there already, or else
  SnapshotPtr snapshot;  // with the turn that was opened
};

// A published version never changes, but a built-in does, with the binary: the conversation goes on with what it is now.
SnapshotPtr with_present_topic(SnapshotPtr snapshot, const Topic& topic) {
  if (snapshot->conversation.topic_hash == topic.hash) return snapshot;
  auto after = std::make_shared<Snapshot>(*snapshot);
  after->conversation.topic_hash = topic.hash;
  return after;
}

void log_changed_topic(const Coaching& coaching, const Conversation& conversation, const std::string& before) {
  if (before.empty() || before == conversation.topic_hash) return;
  coaching.log.write(telemetry::Level::warn, "topic_changed",
                     {{"conversation_id", conversation.conversation_id},
                      {"topic", conversation.topic},
                      {"before", before},
                      {"now", conversation.topic_hash}});
}

bool is_paused(const Coaching& coaching, const Conversation& conversation) {
  return shown_status(conversation, coaching.clock.now(), coaching.patience()) == Status::paused;
}

// One round of accepting: nothing when the conversation changed meanwhile.
Task<std::optional<Accepted>> try_to_accept(const Coaching& coaching, const Owner& owner,
                                            const std::string& conversation_id, const std::string& key_hash,
                                            const TurnRequest& request) {
  auto snapshot = co_await with_ready_summary(coaching, co_await load(coaching, owner, conversation_id));
  const auto topic_hash = snapshot->conversation.topic_hash;
  Acceptance acceptance;
  if (!key_hash.empty()) {
    auto repeat = co_await find_repeat(coaching, *snapshot, key_hash, request);
    if (repeat.live) co_return Accepted{std::move(repeat.live), nullptr};
    if (repeat.retry) acceptance = std::move(*repeat.retry);
  }
  if (!acceptance.snapshot) {
    if (snapshot->conversation.open_turn) {
      co_await settle_open_turn(coaching, *snapshot);
      co_return std::nullopt;
    }
    const auto topic = co_await topic_of(coaching, snapshot->conversation);
    check_may_continue(coaching, snapshot->conversation, *topic, request);
    snapshot = with_present_topic(std::move(snapshot), *topic);
    const auto known = snapshot->context;
    if (is_paused(coaching, snapshot->conversation)) {
      snapshot = co_await with_present_context(coaching, std::move(snapshot), topic, request.token, request.trace);
    }
    acceptance = repeats_unanswered(*snapshot, request)
                     ? reopen(coaching, *topic, *snapshot, coaching.ids.next("turn"), key_hash)
                     : append_message(coaching, *topic, *snapshot, request, key_hash);
    if (snapshot->context && snapshot->context != known) {
      acceptance.writes.emplace_back(put_context(conversation_id, *snapshot->context));
    }
    if (!key_hash.empty()) {
      acceptance.writes.emplace_back(put_idempotency(coaching, *acceptance.snapshot, key_hash, hash_body(request)));
    }
  }
  if (!co_await commit_within_budgets(coaching, acceptance)) co_return std::nullopt;
  coaching.cache.keep(acceptance.snapshot);
  log_changed_topic(coaching, acceptance.snapshot->conversation, topic_hash);
  co_return Accepted{nullptr, acceptance.snapshot};
}

// A refusal that rests on remembered state is checked once more against the store.
Task<Accepted> accept(const Coaching& coaching, const Owner& owner, const std::string& conversation_id,
                      const TurnRequest& request) {
  const auto key_hash = request.idempotency_key.empty() ? std::string() : sha256_hex(request.idempotency_key);
  for (int round = 0; round < kRounds; ++round) {
    try {
      auto accepted = co_await try_to_accept(coaching, owner, conversation_id, key_hash, request);
      if (accepted) co_return std::move(*accepted);
    } catch (const Error& error) {
      if (round > 0 || error.code == Code::dependency_unavailable || error.code == Code::quota_exceeded) throw;
    }
    coaching.cache.drop(conversation_id);
  }
  throw Error(Code::conflict, "the conversation is being changed by somebody else; try again");
}

}  // namespace

Error turn_in_progress(const OpenTurn& open) {
  Error error(Code::turn_in_progress, "a message is still being answered; wait for its reply",
              base::json::object{{"turn_id", open.turn_id}});
  error.retry_after = base::Milliseconds(1000);
  return error;
}

Task<LiveTurnPtr> take_turn(const Coaching& coaching, Owner owner, std::string conversation_id, TurnRequest request) {
  coaching.live_turns.check_room();
  co_await list_tenant(coaching, owner.tenant_id);
  auto accepted = co_await accept(coaching, owner, conversation_id, request);
  if (accepted.live) co_return accepted.live;
  // prompt, reply and commit: run_turn() in turn_reply.cpp
  co_return start(coaching, std::move(accepted.snapshot), co_await boost::asio::this_coro::executor, request.stream,
                  request.trace);
}

Task<LiveTurnPtr> take_over(const Coaching& coaching, std::string conversation_id, bool even_if_leased) {
  coaching.cache.drop(conversation_id);
  const auto before = co_await load_unchecked(coaching, conversation_id);
  if (!before || !before->conversation.open_turn) co_return nullptr;
  const auto& open = open_turn_of(*before);
  if (coaching.live_turns.find(open.turn_id)) co_return nullptr;
  if (!even_if_leased && open.lease_until > coaching.clock.now()) co_return nullptr;

  auto after = std::make_shared<Snapshot>(*before);
  auto& conversation = after->conversation;
  conversation.open_turn =
      open_turn(coaching, open.turn_id, open.message_id, ++conversation.last_attempt, open.idempotency);
  conversation.open_turn->reservation = open.reservation;
  after->version = before->version + 1;
  std::vector<store::Write> writes{
      put_conversation(conversation, after->version, store::Condition::version_is(before->version))};
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) co_return nullptr;
  coaching.cache.keep(after);
  coaching.log.write(telemetry::Level::warn, "turn_taken_over",
                     {{"conversation_id", conversation_id},
                      {"turn_id", conversation.open_turn->turn_id},
                      {"attempt", conversation.open_turn->attempt}});
  // Nobody listens to it yet, and it shall be finished all the same: it never counts as given up.
  co_return start(coaching, after, co_await boost::asio::this_coro::executor, true);
}

Task<LiveTurnPtr> find_turn(const Coaching& coaching, Owner owner, std::string conversation_id, std::string turn_id,
                            base::Milliseconds patience) {
  const auto until = coaching.clock.now() + patience;
  for (bool fresh = false;; fresh = true) {
    const auto snapshot = co_await load(coaching, owner, conversation_id);
    auto live = coaching.live_turns.find(turn_id);
    if (live && live->conversation_id == conversation_id) co_return live;
    const auto& open = snapshot->conversation.open_turn;
    if (!open || open->turn_id != turn_id) {
      if (auto answer = co_await find_answer(coaching, *snapshot, turn_id)) co_return answer;
      if (fresh) {
        throw Error(Code::not_found, "there is no such turn, or it ended without a reply: send the message again");
      }
      coaching.cache.drop(conversation_id);  // what is remembered may be behind the store
      continue;
    }
    if (auto taken = co_await take_over(coaching, conversation_id, false)) co_return taken;
    if (coaching.clock.now() >= until) throw turn_in_progress(*open);
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, kPollOtherProcess);
    co_await timer.async_wait(boost::asio::use_awaitable);
    coaching.cache.drop(conversation_id);
  }
}

}  // namespace coaching
