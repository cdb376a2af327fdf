// Writing: how a conversation begins, pauses and ends.
#include "coaching/conversations.hpp"

#include <fmt/format.h>

#include "base/schema.hpp"
#include "coaching/ask.hpp"
#include "coaching/cache.hpp"
#include "coaching/events.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/live_turn.hpp"
#include "coaching/prompt.hpp"
#include "coaching/raw_answers.hpp"
#include "coaching/tenants.hpp"
#include "coaching/tiers.hpp"
#include "coaching/topic_versions.hpp"
#include "coaching/turn.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

// Each round needs somebody else to have changed the conversation in between.
constexpr int kRounds = 5;
// Of many starts on one topic at once one gets through each round, and each has asked the model already.
constexpr int kStartRounds = 50;

Error not_active(Status status, std::string_view what_to_do) {
  return Error(Code::conversation_not_active,
               fmt::format("this conversation is {}; {}", base::name_of(status), what_to_do),
               base::json::object{{"status", base::name_of(status)}});
}

Error changed_too_often() {
  return Error(Code::conflict, "the conversation is being changed by somebody else; try again");
}

void refuse_while_answering(const Conversation& conversation) {
  if (conversation.open_turn) throw turn_in_progress(*conversation.open_turn);
}

// What a change adds to the conversation's own record.
struct Change {
  std::vector<store::Write> more;
  std::shared_ptr<const Message> message;  // appended by the change, when there is one
  std::shared_ptr<const BusinessContext> context;  // a newer one, when there is one
};
// Edits a copy of the conversation, or throws what the caller shall see.
using Edit = std::function<Change(Conversation&, Status shown)>;

// Applies `edit` to the newest state in one transaction. A refusal that rests on remembered state is checked once more
// against the store.
Task<SnapshotPtr> change(const Coaching& coaching, const Owner& owner, const std::string& conversation_id,
                         const Edit& edit) {
  for (int round = 0; round < kRounds; ++round) {
    const auto before = co_await load(coaching, owner, conversation_id);
    auto after = std::make_shared<Snapshot>(*before);
    Change made;
    try {
      made = edit(after->conversation, shown_status(before->conversation, coaching.clock.now(), coaching.patience()));
    } catch (const Error&) {
      if (round > 0) throw;
      coaching.cache.drop(conversation_id);
      continue;
    }
    after->version = before->version + 1;
    after->conversation.updated_at = coaching.clock.now();
    std::vector<store::Write> writes = std::move(made.more);
    writes.emplace_back(
        put_conversation(after->conversation, after->version, store::Condition::version_is(before->version)));
    if (made.message) {
      writes.emplace_back(put_message(conversation_id, *made.message));
      after->recent.push_back(made.message);
    }
    if (made.context) {
      writes.emplace_back(put_context(conversation_id, *made.context));
      after->context = made.context;
    }
    const auto outcome = co_await coaching.store.transact(std::move(writes));
    if (outcome.committed()) {
      coaching.cache.keep(after);
      co_return after;
    }
    coaching.cache.drop(conversation_id);
  }
  throw changed_too_often();
}

// Ends the model's call of a conversation that is over, when it runs in this process.
void interrupt_turn(const Coaching& coaching, const std::optional<OpenTurn>& open) {
  if (!open) return;
  if (const auto live = coaching.live_turns.find(open->turn_id)) {
    live->interrupt(Error(Code::conversation_not_active, "the conversation was ended while the model was answering"));
  }
}

// Of a turn that will be closed by the transaction.
void give_back_turn(const Conversation& conversation, std::vector<store::Write>& writes) {
  if (conversation.open_turn) give_back(conversation.owner, conversation.open_turn->reservation, writes);
}

Task<std::shared_ptr<const Topic>> find_topic(const Coaching& coaching, const Owner& owner,
                                              const StartRequest& request) {
  auto topic = co_await live_topic(coaching, owner.tenant_id, request.topic);
  if (!topic || topic->kind != TopicKind::conversation) {
    std::vector<std::string> known;
    for (const auto& other : co_await live_topics(coaching, owner.tenant_id)) {
      if (other->kind == TopicKind::conversation) known.push_back(other->id);
    }
    throw Error(Code::topic_not_found, fmt::format("there is no such topic; there are: {}", fmt::join(known, ", ")));
  }
  if (!tier_includes(request.tier, topic->tier)) {
    throw Error(Code::forbidden, fmt::format("this topic needs the tier {} or higher", topic->tier),
                base::json::object{{"required_tier", topic->tier}});
  }
  co_return topic;
}

void check_context(const Topic& topic, const base::json::object& context) {
  if (!topic.request_schema.is_object()) return;
  const base::Schema schema(topic.request_schema);
  const auto faults = schema.faults(context, "context");
  if (faults.empty()) return;
  base::json::array details;
  for (const auto& fault : faults) {
    details.push_back({{"field", fault.field}, {"message", fault.message}});
  }
  throw Error(Code::validation_error, "the context does not fit this topic", std::move(details));
}

Task<llm::Reply> ask_for(const Coaching& coaching, llm::Purpose purpose, const Topic& topic, const Snapshot& snapshot,
                         const Template& instruction, telemetry::Trace trace, std::vector<Charge>* charges = nullptr) {
  const auto values = template_values(topic, snapshot.conversation, snapshot.context.get());
  llm::Request request;
  request.purpose = purpose;
  request.system = base::PrivateText(topic.system.render(values));
  request.summary = summary_text(snapshot.summary.get());
  request.messages = transcript(snapshot);
  request.guidance = base::PrivateText(instruction.render(values));
  request.max_tokens = coaching.llm.max_tokens;
  request.temperature = coaching.llm.temperature;
  request.script = &topic.offline;
  request.current_phase = base::name_of(snapshot.conversation.phase);
  request.timeouts = coaching.llm.timeouts;
  request.trace = trace;
  auto reply = co_await ask_model(coaching, account_of(snapshot.conversation), request, {}, charges);
  if (base::trim(reply.text.reveal()).empty()) {
    if (charges != nullptr) co_await post_charges(coaching, account_of(snapshot.conversation), *charges);
    throw Error(Code::llm_error, "the model answered with nothing; try again");
  }
  co_return reply;
}

Message coach_message(const Coaching& coaching, const Conversation& conversation, const llm::Reply& reply) {
  Message message;
  message.message_id = coaching.ids.next("msg");
  message.sequence = conversation.message_count;
  message.role = Speaker::assistant;
  message.content = reply.text;
  message.timestamp = coaching.clock.now();
  message.tokens = count_message(message.content.reveal());
  message.metadata = {{"model", reply.model}};
  return message;
}

// A conversation that a newer one has ended.
struct Abandoned {
  std::string conversation_id;
  Event event;
};

// The writes that make `fresh` the user's active conversation of its topic, and end the one before. The pointer is
// fenced by what was read, so that of two starts at once one has to look again.
Task<std::vector<store::Write>> replace_active(const Coaching& coaching, const Conversation& fresh,
                                               std::optional<Abandoned>& abandoned) {
  std::vector<store::Write> writes;
  const auto key = active_key(fresh.owner, fresh.topic);
  const auto pointer = co_await coaching.store.get(key);
  store::Item item;
  item.key = key;
  item.version = pointer ? pointer->version + 1 : 1;
  item.body = body_of(ActivePointer{fresh.conversation_id});
  writes.emplace_back(store::Put{
      std::move(item), pointer ? store::Condition::version_is(pointer->version) : store::Condition::absent()});
  if (!pointer) co_return writes;

  const auto old_id = record_of<ActivePointer>(*pointer).conversation_id;
  coaching.cache.drop(old_id);
  const auto old = co_await load_unchecked(coaching, old_id);
  if (!old || !is_open(old->conversation.status)) co_return writes;
  auto ended = old->conversation;
  interrupt_turn(coaching, ended.open_turn);
  give_back_turn(ended, writes);
  ended.status = Status::abandoned;
  ended.open_turn.reset();
  ended.updated_at = coaching.clock.now();
  writes.emplace_back(put_conversation(ended, old->version + 1, store::Condition::version_is(old->version)));
  writes.emplace_back(put_entry(ended));
  auto event = co_await add_event(coaching, ended.owner, kConversationAbandoned, end_of(ended), writes);
  abandoned = Abandoned{old_id, std::move(event)};
  co_return writes;
}

// Everything of the conversation's partition but its record.
Task<> erase_messages(const Coaching& coaching, const std::string& conversation_id) {
  const auto record = conversation_key(conversation_id);
  store::Query query;
  query.partition = record.partition;
  query.limit = store::kMaxWrites;
  for (bool more = true; more;) {
    const auto page = co_await coaching.store.query(query);
    std::vector<store::Write> erase;
    for (const auto& item : page.items) {
      if (item.key != record) erase.emplace_back(store::Delete{item.key, store::Condition::none()});
    }
    more = page.more;
    if (!page.items.empty()) query.after = page.items.back().key.sort;
    if (!erase.empty()) co_await coaching.store.transact(std::move(erase));
  }
}

Task<> erase_job(const Coaching& coaching, std::string job_id) {
  interrupt_job(coaching, job_id);
  std::vector<store::Write> writes{store::Delete{job_key(job_id), store::Condition::none()}};
  co_await coaching.store.transact(std::move(writes));
}

std::vector<store::Write> erase_record(const Snapshot& snapshot) {
  const auto& conversation = snapshot.conversation;
  std::vector<store::Write> writes;
  writes.emplace_back(
      store::Delete{conversation_key(conversation.conversation_id), store::Condition::version_is(snapshot.version)});
  writes.emplace_back(
      store::Delete{entry_key(conversation.owner, conversation.conversation_id), store::Condition::none()});
  give_back_turn(conversation, writes);
  if (conversation.job_id) writes.emplace_back(store::Delete{job_key(*conversation.job_id), store::Condition::none()});
  return writes;
}

}  // namespace

Task<Started> start_conversation(const Coaching& coaching, Owner owner, StartRequest request) {
  const auto topic = co_await find_topic(coaching, owner, request);
  check_context(*topic, request.context);
  auto snapshot = std::make_shared<Snapshot>();
  auto& conversation = snapshot->conversation;
  conversation.conversation_id = coaching.ids.next("conv");
  conversation.owner = std::move(owner);
  conversation.topic = topic->id;
  conversation.topic_version = topic->version;
  conversation.topic_scope = topic->scope;
  conversation.topic_hash = topic->hash;
  conversation.tier = request.tier;
  conversation.language = std::move(request.language);
  conversation.user_name = std::move(request.user_name);
  conversation.context = std::move(request.context);

  snapshot->context = co_await gather(
      coaching, topic,
      {conversation.owner, std::move(request.token), conversation.user_name, conversation.context, request.trace});
  conversation.has_business = snapshot->context != nullptr;

  std::vector<Charge> charges;
  const auto reply = co_await ask_for(coaching, llm::Purpose::initiation, *topic, *snapshot, topic->initiation,
                                      request.trace, &charges);
  const auto message = std::make_shared<Message>(coach_message(coaching, conversation, reply));
  conversation.created_at = conversation.updated_at = message->timestamp;
  conversation.message_count = 1;
  snapshot->recent.push_back(message);
  snapshot->version = 1;
  for (int round = 0; round < kStartRounds; ++round) {
    std::optional<Abandoned> abandoned;
    auto writes = co_await replace_active(coaching, conversation, abandoned);
    writes.emplace_back(put_conversation(conversation, 1, store::Condition::absent()));
    writes.emplace_back(put_message(conversation.conversation_id, *message));
    if (snapshot->context) writes.emplace_back(put_context(conversation.conversation_id, *snapshot->context));
    writes.emplace_back(put_entry(conversation));
    settle(coaching, account_of(conversation), std::nullopt, charges, writes);
    if (auto user = list_user(coaching, conversation.owner)) writes.emplace_back(std::move(*user));
    const auto outcome = co_await coaching.store.transact(std::move(writes));
    if (abandoned) coaching.cache.drop(abandoned->conversation_id);
    if (!outcome.committed()) continue;
    if (abandoned) co_await announce(coaching, std::move(abandoned->event));
    remember_user(coaching, conversation.owner);
    coaching.cache.keep(snapshot);
    co_return Started{conversation, snapshot->context, *message};
  }
  co_await post_charges(coaching, account_of(conversation), charges);
  throw changed_too_often();
}

Task<> pause_conversation(const Coaching& coaching, Owner owner, std::string conversation_id, std::string reason) {
  co_await change(coaching, owner, conversation_id, [&](Conversation& conversation, Status shown) {
    if (!is_open(shown)) throw not_active(shown, "only an active one can be paused");
    refuse_while_answering(conversation);
    conversation.status = Status::paused;
    if (!reason.empty()) conversation.metadata["pause_reason"] = reason;
    return Change{};
  });
}

Task<Message> resume_conversation(const Coaching& coaching, Owner owner, std::string conversation_id,
                                  base::PrivateText token, telemetry::Trace trace) {
  auto snapshot = co_await load(coaching, owner, conversation_id);
  const auto refuse = [](const Conversation& conversation, Status shown) {
    if (!is_open(shown)) throw not_active(shown, "start a new one");
    refuse_while_answering(conversation);
  };
  refuse(snapshot->conversation, shown_status(snapshot->conversation, coaching.clock.now(), coaching.patience()));
  const auto topic = co_await topic_of(coaching, snapshot->conversation);
  const auto known = snapshot->context;
  snapshot = co_await with_present_context(coaching, std::move(snapshot), topic, std::move(token), trace);
  const auto reply = co_await ask_for(coaching, llm::Purpose::resumption, *topic, *snapshot, topic->resume, trace);
  std::shared_ptr<const Message> message;
  co_await change(coaching, owner, conversation_id, [&](Conversation& conversation, Status shown) {
    refuse(conversation, shown);
    conversation.status = Status::active;
    message = std::make_shared<Message>(coach_message(coaching, conversation, reply));
    conversation.message_count += 1;
    conversation.has_business = snapshot->context != nullptr;
    return Change{{}, message, snapshot->context == known ? nullptr : snapshot->context};
  });
  co_return *message;
}

Task<> complete_conversation(const Coaching& coaching, Owner owner, std::string conversation_id,
                             base::json::object feedback, telemetry::Trace trace) {
  std::string job_id;
  co_await change(coaching, owner, conversation_id, [&](Conversation& conversation, Status shown) {
    // One that needs review may be tried again: the model may do better, or be another one by now.
    if (!is_open(shown) && shown != Status::needs_review) throw not_active(shown, "it cannot be completed");
    refuse_while_answering(conversation);
    if (conversation.turn_count == 0) {
      throw Error(Code::domain_validation_error, "nothing has been said yet; there is nothing to complete",
                  base::json::object{{"rule", "no_messages"}});
    }
    auto job = new_job(coaching, kExtractionJob, conversation.owner, conversation.conversation_id, conversation.topic);
    job.trace = trace.traceparent();
    job_id = job.job_id;
    conversation.status = Status::completing;
    conversation.job_id = job_id;
    conversation.review_reason.clear();
    conversation.raw_answer_id.clear();
    if (!feedback.empty()) conversation.feedback = feedback;
    Change made;
    made.more.emplace_back(put_job(job, 1, store::Condition::absent()));
    made.more.emplace_back(put_entry(conversation));
    return made;
  });
  const auto live = start_job(coaching, co_await boost::asio::this_coro::executor, job_id);
  if (live) co_await live->wait_until_over(coaching.options.complete_wait);
}

Task<> cancel_conversation(const Coaching& coaching, Owner owner, std::string conversation_id) {
  std::optional<OpenTurn> open;
  co_await change(coaching, owner, conversation_id, [&](Conversation& conversation, Status shown) {
    if (!is_open(shown)) throw not_active(shown, "it cannot be cancelled");
    Change made;
    give_back_turn(conversation, made.more);
    open = std::exchange(conversation.open_turn, std::nullopt);
    conversation.status = Status::cancelled;
    made.more.emplace_back(put_entry(conversation));
    return made;
  });
  interrupt_turn(coaching, open);
}

// The record goes last: should the process end in between, the conversation is still there, and the client, who got no
// answer, can ask again.
Task<> delete_conversation(const Coaching& coaching, Owner owner, std::string conversation_id) {
  for (int round = 0; round < kRounds; ++round) {
    coaching.cache.drop(conversation_id);
    const auto snapshot = co_await load(coaching, owner, conversation_id);
    interrupt_turn(coaching, snapshot->conversation.open_turn);
    // Without its job a summary that is being made can no longer be written behind our back.
    if (const auto& job = snapshot->conversation.summary_job) co_await erase_job(coaching, *job);
    co_await erase_messages(coaching, conversation_id);
    co_await erase_raw_answers(coaching.store, owner, conversation_id);
    auto writes = erase_record(*snapshot);
    const auto pointer = co_await coaching.store.get(active_key(owner, snapshot->conversation.topic));
    if (pointer && record_of<ActivePointer>(*pointer).conversation_id == conversation_id) {
      writes.emplace_back(store::Delete{pointer->key, store::Condition::version_is(pointer->version)});
    }
    const auto outcome = co_await coaching.store.transact(std::move(writes));
    coaching.cache.drop(conversation_id);
    if (!outcome.committed()) continue;
    if (const auto& job = snapshot->conversation.job_id) interrupt_job(coaching, *job);
    // An answer may have been kept since; from now on none can be.
    co_return co_await erase_raw_answers(coaching.store, owner, conversation_id);
  }
  throw changed_too_often();
}

}  // namespace coaching
