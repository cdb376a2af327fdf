#include "coaching/extraction.hpp"

#include <fmt/format.h>

#include "base/schema.hpp"
#include "coaching/ask.hpp"
#include "coaching/cache.hpp"
#include "coaching/conversations.hpp"
#include "coaching/events.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/prompt.hpp"
#include "coaching/structured.hpp"
#include "coaching/summary.hpp"
#include "coaching/topic_versions.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr int kResultTokens = 4'096;
constexpr std::size_t kMostMessages = 2'000;

// A result, or why there is none.
struct Extracted {
  base::json::value result;
  std::string fault;  // "" when the result is valid; never holds text of the conversation
  std::string raw_answer_id;  // where the answer with the fault is kept
};

// The newest messages that fit the budget, oldest first; the summary stands for those that do not.
Task<> add_transcript(const Coaching& coaching, const Conversation& conversation, llm::Request& request) {
  const auto page = co_await read_messages(coaching, conversation, "", kMostMessages);
  std::int64_t tokens = 0;
  bool whole = true;
  for (auto message = page.messages.rbegin(); message != page.messages.rend(); ++message) {
    tokens += message->tokens > 0 ? message->tokens : llm::estimate_tokens(message->content.reveal());
    whole = request.messages.empty() || tokens <= coaching.options.extraction_tokens;
    if (!whole) break;
    const auto role = message->role == Speaker::user ? llm::Role::user : llm::Role::assistant;
    request.messages.push_back({role, message->content});
  }
  std::ranges::reverse(request.messages);
  if (whole) co_return;
  const auto summary = co_await read_summary(coaching, conversation, conversation.summary_number);
  request.summary = summary_text(summary.get());
}

Task<Extracted> extract(const Coaching& coaching, const Topic& topic, const Snapshot& snapshot, LiveJob& live) {
  const auto& conversation = snapshot.conversation;
  const base::Schema schema(base::resolve_references(topic.result_schema, topic.result_schema));
  const auto values = template_values(topic, conversation, snapshot.context.get());
  llm::Request request;
  request.purpose = llm::Purpose::extraction;
  request.system = base::PrivateText(topic.system.render(values));
  co_await add_transcript(coaching, conversation, request);
  request.guidance = base::PrivateText(topic.extraction.render(values));
  request.max_tokens = kResultTokens;
  request.temperature = 0;
  request.schema_name = topic.id + "_result";
  request.script = &topic.offline;
  request.current_phase = base::name_of(conversation.phase);
  request.timeouts = coaching.llm.timeouts;
  request.trace = live.trace;

  live.account = account_of(conversation);
  auto answer = co_await ask_structured(coaching, live.account, request, schema, &live.charges);
  co_return Extracted{std::move(answer.value), std::move(answer.fault), std::move(answer.raw_answer_id)};
}

void settle(Conversation& conversation, Extracted extracted, base::Time now) {
  conversation.updated_at = now;
  conversation.job_id.reset();
  if (extracted.fault.empty()) {
    conversation.status = Status::completed;
    conversation.phase = Phase::completion;
    conversation.completed_at = now;
    conversation.result = std::move(extracted.result);
  } else {
    conversation.status = Status::needs_review;
    conversation.review_reason = std::move(extracted.fault);
    conversation.raw_answer_id = std::move(extracted.raw_answer_id);
  }
}

// One transaction: the conversation with its result, and the job that is done.
Task<> commit(const Coaching& coaching, LiveJobPtr live, SnapshotPtr before, Extracted extracted, JobFailure why) {
  auto after = std::make_shared<Snapshot>(*before);
  auto& conversation = after->conversation;
  settle(conversation, std::move(extracted), coaching.clock.now());
  after->version = before->version + 1;
  std::vector<store::Write> writes;
  writes.emplace_back(put_conversation(conversation, after->version, store::Condition::version_is(before->version)));
  writes.emplace_back(put_entry(conversation));
  coaching.cache.drop(conversation.conversation_id);
  const bool completed = conversation.status == Status::completed;
  auto event =
      co_await add_event(coaching, conversation.owner, completed ? kConversationCompleted : kConversationNeedsReview,
                         end_of(conversation), writes);
  const auto status = completed ? JobStatus::completed : JobStatus::failed;
  co_await commit_job_end(coaching, *live, status, std::move(why), std::move(writes));
  coaching.cache.keep(after);
  co_await announce(coaching, std::move(event));
  coaching.metrics
      .counter("purposepath_extractions_total", "Results extracted, by topic and outcome.",
               {{"topic", conversation.topic}, {"outcome", std::string(base::name_of(conversation.status))}})
      .add();
}

// nullptr when the conversation is not waiting for this job any more.
Task<SnapshotPtr> waiting_conversation(const Coaching& coaching, const Job& job) {
  coaching.cache.drop(job.reference);
  auto snapshot = co_await load_unchecked(coaching, job.reference);
  const bool waits =
      snapshot && snapshot->conversation.status == Status::completing && snapshot->conversation.job_id == job.job_id;
  co_return waits ? std::move(snapshot) : nullptr;
}

Task<> close(const Coaching& coaching, LiveJobPtr live) {
  co_await commit_job_end(coaching, *live, JobStatus::failed,
                          {"obsolete", "The conversation does not wait for a result any more."}, {});
}

}  // namespace

Task<> run_extraction(const Coaching& coaching, LiveJobPtr live) {
  const auto snapshot = co_await waiting_conversation(coaching, live->job);
  if (!snapshot) co_return co_await close(coaching, live);
  const auto topic = co_await topic_of(coaching, snapshot->conversation);
  auto extracted = co_await extract(coaching, *topic, *snapshot, *live);
  JobFailure why;
  if (!extracted.fault.empty()) why = {"invalid_result", "The model gave no result that fits the topic."};
  co_await commit(coaching, live, snapshot, std::move(extracted), std::move(why));
}

Task<> give_up_extraction(const Coaching& coaching, LiveJobPtr live, JobFailure why) {
  const auto snapshot = co_await waiting_conversation(coaching, live->job);
  if (!snapshot) co_return co_await close(coaching, live);
  Extracted none;
  none.fault = fmt::format("no result could be had ({}) in {} attempts", why.code, live->job.attempts);
  co_await commit(coaching, live, snapshot, std::move(none), std::move(why));
}

Task<std::vector<store::Write>> reopen_extraction(const Coaching& coaching, Job job) {
  coaching.cache.drop(job.reference);
  const auto snapshot = co_await load_unchecked(coaching, job.reference);
  if (!snapshot || snapshot->conversation.status != Status::needs_review) {
    throw Error(Code::conflict, "the conversation does not wait for a result any more");
  }
  coaching.cache.drop(job.reference);
  auto conversation = snapshot->conversation;
  conversation.status = Status::completing;
  conversation.job_id = job.job_id;
  conversation.review_reason.clear();
  conversation.raw_answer_id.clear();
  conversation.updated_at = coaching.clock.now();
  std::vector<store::Write> writes;
  writes.emplace_back(
      put_conversation(conversation, snapshot->version + 1, store::Condition::version_is(snapshot->version)));
  writes.emplace_back(put_entry(conversation));
  co_return writes;
}

}  // namespace coaching
