#include "coaching/turn_reply.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "coaching/ask.hpp"
#include "coaching/assessment.hpp"
#include "coaching/cache.hpp"
#include "coaching/conversations.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/phases.hpp"
#include "coaching/prompt.hpp"
#include "coaching/summary.hpp"
#include "coaching/topic_versions.hpp"
#include "coaching/turn.hpp"
#include "telemetry/tracer.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr std::size_t kLongestReply = 64 * 1024;
constexpr std::ptrdiff_t kMostInsights = 24;  // the newest stay: they travel with every turn

struct Answer {
  llm::Reply reply;
  std::optional<Assessment> assessment;
  std::vector<TurnTry> tries;
};

llm::Request make_request(const Coaching& coaching, const Topic& topic, const Snapshot& snapshot) {
  llm::Request request;
  request.purpose = llm::Purpose::reply;
  request.topic = topic.id;
  request.tier = snapshot.conversation.tier;
  request.reference = snapshot.conversation.conversation_id;
  request.system =
      base::PrivateText(topic.system.render(template_values(topic, snapshot.conversation, snapshot.context.get())));
  request.summary = summary_text(snapshot.summary.get());
  request.messages = transcript(snapshot);
  request.guidance = base::PrivateText(phase_guidance(topic, snapshot.conversation));
  request.max_tokens = coaching.llm.max_tokens;
  request.temperature = coaching.llm.temperature;
  request.script = &topic.offline;
  request.current_phase = base::name_of(snapshot.conversation.phase);
  request.timeouts = coaching.llm.timeouts;
  return request;
}

void check_reply(const llm::Reply& reply) {
  if (base::trim(reply.text.reveal()).empty()) {
    throw Error(Code::llm_error, "the model answered with nothing; your message is stored, send it again");
  }
  if (reply.text.size() > kLongestReply) {
    throw Error(Code::llm_error,
                "the model's answer was too long to be a reply; your message is stored, send it again");
  }
}

Task<Answer> ask(const Coaching& coaching, const LiveTurnPtr& live, const Snapshot& snapshot, const Topic& topic,
                 PendingAssessment* assessment, bool stream, std::vector<Charge>& charges) {
  auto request = make_request(coaching, topic, snapshot);
  watch_budget(coaching, request, snapshot);
  std::size_t streamed = 0;
  llm::Sink sink;
  if (stream) {
    sink = [&live, &request, &streamed](std::string_view text) {
      streamed += text.size();
      live->append(text);
      base::PrivateText system;
      std::swap(request.system, system);
      base::PrivateText summary;
      std::swap(request.summary, summary);
      std::vector<llm::Message>().swap(request.messages);
    };
  }
  llm::Trail trail;
  request.trail = &trail;
  request.trace = live->trace;
  Answer answer;
  std::exception_ptr failure;
  try {
    answer.reply = co_await coaching.provider.complete(request, sink);
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (failure) {
    charge_failure(coaching, make_request(coaching, topic, snapshot), failure, streamed, charges);
    std::rethrow_exception(failure);
  }
  charge_reply(coaching, request.purpose, answer.reply, charges);
  check_reply(answer.reply);
  answer.tries = tries_of(trail);
  if (assessment != nullptr) answer.assessment = co_await assessment->result(coaching.options.assessment_grace);
  co_return answer;
}

// Phase, progress and findings after this turn. Findings of earlier turns stay when this one was not assessed.
void apply_assessment(Conversation& conversation, const Topic& topic, const std::optional<Assessment>& assessment) {
  const auto phase = next_phase(topic, conversation, assessment ? &*assessment : nullptr);
  conversation.phase_turns = phase == conversation.phase ? conversation.phase_turns + 1 : 0;
  conversation.phase = phase;
  conversation.is_complete = conversation.is_complete || phase == Phase::completion;
  if (!assessment) return;
  for (const auto& insight : assessment->insights) {
    if (std::ranges::find(conversation.insights, insight) == conversation.insights.end()) {
      conversation.insights.push_back(insight);
    }
  }
  if (std::ssize(conversation.insights) > kMostInsights) {
    conversation.insights.erase(conversation.insights.begin(), conversation.insights.end() - kMostInsights);
  }
  if (!assessment->identified_values.empty()) conversation.identified_values = assessment->identified_values;
}

TurnRecord make_record(const LiveTurn& live, const Conversation& conversation, const Answer& answer,
                       const std::vector<Charge>& charges) {
  TurnRecord record;
  record.turn_id = live.turn.turn_id;
  record.message_id = live.turn.message_id;
  record.attempt = live.turn.attempt;
  record.model = answer.reply.model;
  MicroUsd cost = 0;
  for (const auto& charge : charges) {
    record.prompt_tokens += charge.prompt_tokens;
    record.completion_tokens += charge.completion_tokens;
    record.cached_tokens += charge.cached_tokens;
    cost += charge.micro_usd;
  }
  record.cost_usd = usd(cost);
  record.charges = charges;
  record.tries = answer.tries;
  record.phase = conversation.phase;
  record.progress = progress_of(conversation.phase);
  record.is_complete = conversation.is_complete;
  record.insights = conversation.insights;
  record.identified_values = conversation.identified_values;
  record.assessed_by = answer.assessment ? "model" : "rules";
  if (answer.assessment) {
    record.follow_up_question = answer.assessment->follow_up_question;
    record.next_steps = answer.assessment->next_steps;
  }
  if (!record.follow_up_question) {
    auto question = last_question(answer.reply.text.reveal());
    if (!question.empty()) record.follow_up_question = base::PrivateText(std::move(question));
  }
  return record;
}

// The conversation as the commit will leave it.
std::shared_ptr<Snapshot> with_reply(const Coaching& coaching, const LiveTurn& live, const Snapshot& before,
                                     const Topic& topic, const Answer& answer, const std::vector<Charge>& charges) {
  auto after = std::make_shared<Snapshot>(before);
  auto& conversation = after->conversation;
  apply_assessment(conversation, topic, answer.assessment);
  auto message = std::make_shared<Message>();
  message->message_id = coaching.ids.next("msg");
  message->sequence = conversation.message_count++;
  message->role = Speaker::assistant;
  message->content = answer.reply.text;
  message->timestamp = coaching.clock.now();
  message->tokens = count_message(message->content.reveal());
  message->turn = make_record(live, conversation, answer, charges);
  conversation.turn_count += 1;
  conversation.updated_at = message->timestamp;
  conversation.open_turn.reset();
  after->recent.push_back(message);
  return after;
}

const std::optional<Reservation>& reservation_of(const Snapshot& snapshot) {
  static const std::optional<Reservation> none;
  const auto& open = snapshot.conversation.open_turn;
  return open ? open->reservation : none;
}

Task<std::shared_ptr<const Message>> commit(const Coaching& coaching, LiveTurn& live, const Snapshot& before,
                                            const Topic& topic, const Answer& answer,
                                            const std::vector<Charge>& charges) {
  const auto after = with_reply(coaching, live, before, topic, answer, charges);
  auto summary_job = plan_summary(coaching, *after);
  if (summary_job) summary_job->trace = live.trace.traceparent();
  co_await live.stop_renewals();
  after->version = live.version + 1;
  std::vector<store::Write> writes;
  writes.emplace_back(
      put_conversation(after->conversation, after->version, store::Condition::version_is(live.version)));
  writes.emplace_back(put_message(live.conversation_id, *after->recent.back()));
  if (summary_job) writes.emplace_back(put_job(*summary_job, 1, store::Condition::absent()));
  settle(coaching, account_of(before.conversation), reservation_of(before), charges, writes);
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) {
    coaching.cache.drop(live.conversation_id);
    throw Error(Code::conflict, "the conversation was ended or taken over while the model was answering");
  }
  coaching.cache.keep(after);
  if (summary_job) start_job(coaching, live.executor(), summary_job->job_id);
  co_return after->recent.back();
}

// Closes the turn without a reply. The user's message stays, and a repeat of it is answered. A turn that a draining
// process had to leave stays open, with what is reserved for it, free for another process at once. What the failed calls
// have cost is on the books afterwards, whoever has the turn by now.
Task<> release(const Coaching& coaching, LiveTurn& live, const Snapshot& before, const Error& why,
               const std::vector<Charge>& charges) {
  auto after = std::make_shared<Snapshot>(before);
  const auto account = account_of(before.conversation);
  auto& open = after->conversation.open_turn;
  const bool stays = open && why.code == Code::shutting_down;
  if (stays) {
    open->lease_until = coaching.clock.now();
  } else {
    open.reset();
  }
  co_await live.stop_renewals();
  after->version = live.version + 1;
  std::vector<store::Write> writes;
  writes.emplace_back(
      put_conversation(after->conversation, after->version, store::Condition::version_is(live.version)));
  settle(coaching, account, stays ? std::nullopt : reservation_of(before), charges, writes);
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (outcome.committed()) {
    coaching.cache.keep(after);
    co_return;
  }
  coaching.cache.drop(live.conversation_id);
  co_await post_charges(coaching, account, charges);
}

void count_turn(const Coaching& coaching, const Snapshot& snapshot, std::string_view outcome) {
  coaching.metrics
      .counter("purposepath_turns_total", "Turns that ended, by topic and outcome.",
               {{"topic", snapshot.conversation.topic}, {"outcome", std::string(outcome)}})
      .add();
}

void log_failure(const Coaching& coaching, const LiveTurn& live, const Error& error) {
  coaching.log.write(telemetry::Level::warn, "turn_failed",
                     {{"conversation_id", live.conversation_id},
                      {"turn_id", live.turn.turn_id},
                      {"attempt", live.turn.attempt},
                      {"error", base::to_string(error.code)},
                      {"reason", error.message}});
}

bool unreachable(const std::exception_ptr& failure) {
  try {
    if (failure) std::rethrow_exception(failure);
    return false;
  } catch (const Error& error) {
    return error.code == Code::llm_unavailable;
  } catch (const std::exception&) {
    return false;
  }
}

Task<std::shared_ptr<const Message>> reply_and_commit(const Coaching& coaching, const LiveTurnPtr& live,
                                                      const SnapshotPtr& snapshot, bool stream,
                                                      std::vector<Charge>& charges) {
  const auto topic = co_await topic_of(coaching, snapshot->conversation);
  std::optional<PendingAssessment> assessment;
  if (coaching.options.assessment == AssessmentMode::model) {
    assessment.emplace(coaching, live->executor(), topic, snapshot, live->trace);
  }
  Answer answer;
  std::exception_ptr failure;
  try {
    answer = co_await ask(coaching, live, *snapshot, *topic, assessment ? &*assessment : nullptr, stream, charges);
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (assessment) std::ranges::copy(assessment->take_charges(!unreachable(failure)), std::back_inserter(charges));
  if (failure) std::rethrow_exception(failure);
  // From here on nothing may stop the commit: the text exists, and perhaps somebody has read it.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_return co_await commit(coaching, *live, *snapshot, *topic, answer, charges);
}

// What to tell whoever waits when the model's call was cut off from our side.
Error cancelled_by(const LiveTurn& live) {
  auto why = live.interrupted();
  return why ? std::move(*why) : Error(Code::llm_unavailable, "the model's answer was cut off; send the message again");
}

telemetry::Span begin_span(LiveTurn& live, const Snapshot& snapshot) {
  using telemetry::SpanKey;
  telemetry::Span span(live.trace, telemetry::SpanKind::internal, "turn");
  live.trace = span.trace();
  span.set(SpanKey::turn_id, live.turn.turn_id);
  span.set(SpanKey::reference, live.conversation_id);
  span.set(SpanKey::topic, snapshot.conversation.topic);
  return span;
}

}  // namespace

std::optional<Reservation> reservation_for_turn(const Coaching& coaching, const Topic& topic,
                                                const Snapshot& snapshot) {
  const auto account = account_of(snapshot.conversation);
  if (!has_budgets(coaching, account.tier)) return std::nullopt;
  std::vector<llm::Quote> quotes{coaching.provider.quote(make_request(coaching, topic, snapshot))};
  if (coaching.options.assessment == AssessmentMode::model) {
    auto request = assessment_request(coaching, topic, snapshot);
    address(request, account);
    quotes.push_back(coaching.provider.quote(request));
  }
  return reservation_for(coaching, account.tier, quotes);
}

Task<> run_turn(const Coaching& coaching, LiveTurnPtr live, SnapshotPtr snapshot, bool stream) {
  std::optional<Error> failure;
  std::shared_ptr<const Message> reply;
  std::vector<Charge> charges;
  auto span = begin_span(*live, *snapshot);
  try {
    reply = co_await reply_and_commit(coaching, live, snapshot, stream, charges);
  } catch (const Error& error) {
    failure = live->interrupted() ? cancelled_by(*live) : error;
  } catch (const boost::system::system_error&) {
    failure = cancelled_by(*live);
  } catch (const std::exception&) {
    failure = Error(Code::internal_error, "the turn failed; your message is stored, send it again");
  }
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  if (failure && !reply) {
    log_failure(coaching, *live, *failure);
    try {
      co_await release(coaching, *live, *snapshot, *failure, charges);
    } catch (const Error& error) {
      // The store cannot be reached: the turn stays open there, and is taken over when its lease ends.
      log_failure(coaching, *live, error);
    }
  }
  count_turn(coaching, *snapshot, failure ? base::to_string(failure->code) : "ok");
  coaching.live_turns.remove(live->turn.turn_id);
  if (failure) span.fail(base::to_string(failure->code));
  span.end();
  if (failure) {
    live->fail(std::move(*failure));
  } else {
    live->finish(std::move(reply));
  }
}

Task<> renew_lease(const Coaching& coaching, LiveTurnPtr live) {
  if (live->renewing || live->committing) co_return;
  live->renewing = true;
  bool lost = false;
  try {
    coaching.cache.drop(live->conversation_id);
    const auto before = co_await load_unchecked(coaching, live->conversation_id);
    if (before && before->version == live->version && before->conversation.open_turn) {
      auto after = std::make_shared<Snapshot>(*before);
      auto& open = after->conversation.open_turn;
      if (open) open->lease_until = coaching.clock.now() + coaching.options.turn_lease;
      after->version = before->version + 1;
      std::vector<store::Write> writes;
      writes.emplace_back(
          put_conversation(after->conversation, after->version, store::Condition::version_is(before->version)));
      const auto outcome = co_await coaching.store.transact(std::move(writes));
      lost = !outcome.committed();
      if (!lost) {
        live->version = after->version;
        live->leased_at = coaching.clock.now();
        coaching.cache.keep(after);
      }
    } else {
      lost = true;
    }
  } catch (const Error& error) {
    log_failure(coaching, *live, error);  // tried again at the next sweep
  }
  live->renewing = false;
  live->renewal_done.ring();
  if (lost) {
    live->interrupt(Error(Code::conflict, "the conversation was ended or taken over while the model was answering"));
  }
}

}  // namespace coaching
