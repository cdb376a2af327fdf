#include "coaching/extraction.hpp"

#include <fmt/format.h>

#include "base/schema.hpp"
#include "coaching/ask.hpp"
#include "coaching/cache.hpp"
#include "coaching/conversations.hpp"
#include "coaching/jobs.hpp"
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

Task<Extracted> extract(const Coaching& coaching, const Topic& topic, const Conversation& conversation) {
  const base::Schema schema(topic.result_schema);
  const auto values = template_values(topic, conversation);
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

  auto answer = co_await ask_structured(coaching, account_of(conversation), request, schema);
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
Task<> commit(const Coaching& coaching, ClaimedJob claimed, const Snapshot& before, Extracted extracted) {
  auto after = std::make_shared<Snapshot>(before);
  const auto now = coaching.clock.now();
  claimed.job.status = extracted.fault.empty() ? JobStatus::completed : JobStatus::failed;
  claimed.job.error = extracted.fault.empty() ? "" : "invalid_result";
  claimed.job.updated_at = now;
  settle(after->conversation, std::move(extracted), now);
  after->version = before.version + 1;
  std::vector<store::Write> writes;
  writes.emplace_back(put_job(claimed.job, claimed.version + 1, store::Condition::version_is(claimed.version)));
  writes.emplace_back(
      put_conversation(after->conversation, after->version, store::Condition::version_is(before.version)));
  writes.emplace_back(put_entry(after->conversation));
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (outcome.committed()) {
    coaching.cache.keep(after);
    coaching.metrics
        .counter(
            "purposepath_extractions_total", "Results extracted, by topic and outcome.",
            {{"topic", after->conversation.topic}, {"outcome", std::string(base::name_of(after->conversation.status))}})
        .add();
  } else {
    coaching.cache.drop(before.conversation.conversation_id);
  }
}

// The conversation is not waiting for this job any more (deleted, say).
Task<> close_job(const Coaching& coaching, ClaimedJob claimed) {
  claimed.job.status = JobStatus::failed;
  claimed.job.error = "obsolete";
  claimed.job.updated_at = coaching.clock.now();
  std::vector<store::Write> writes{
      put_job(claimed.job, claimed.version + 1, store::Condition::version_is(claimed.version))};
  co_await coaching.store.transact(std::move(writes));
}

Task<> run_claimed(const Coaching& coaching, const ClaimedJob& claimed) {
  coaching.cache.drop(claimed.job.conversation_id);
  const auto snapshot = co_await load_unchecked(coaching, claimed.job.conversation_id);
  if (!snapshot || snapshot->conversation.status != Status::completing ||
      snapshot->conversation.job_id != claimed.job.job_id) {
    co_await close_job(coaching, claimed);
    co_return;
  }
  const auto topic = co_await topic_of(coaching, snapshot->conversation);
  auto extracted = co_await extract(coaching, *topic, snapshot->conversation);
  co_await commit(coaching, claimed, *snapshot, std::move(extracted));
}

Task<> give_up_or_postpone(const Coaching& coaching, ClaimedJob claimed, Code why) {
  coaching.log.write(telemetry::Level::warn, "extraction_failed",
                     {{"job_id", claimed.job.job_id},
                      {"conversation_id", claimed.job.conversation_id},
                      {"attempt", claimed.job.attempts},
                      {"error", base::to_string(why)}});
  if (claimed.job.attempts < coaching.options.job_attempts) {
    co_await postpone_job(coaching, std::move(claimed), why);
    co_return;
  }
  const auto snapshot = co_await load_unchecked(coaching, claimed.job.conversation_id);
  if (!snapshot) co_return co_await close_job(coaching, std::move(claimed));
  Extracted none;
  none.fault = fmt::format("no model could be asked ({}) in {} attempts", base::to_string(why), claimed.job.attempts);
  co_await commit(coaching, std::move(claimed), *snapshot, std::move(none));
}

}  // namespace

Task<> run_extraction(const Coaching& coaching, std::string job_id) {
  std::optional<ClaimedJob> claimed;
  std::optional<Code> failure;
  try {
    claimed = co_await claim_job(coaching, job_id);
    if (claimed) co_await run_claimed(coaching, *claimed);
  } catch (const Error& error) {
    failure = error.code;
  } catch (const std::exception&) {
    failure = Code::internal_error;
  }
  if (!failure || !claimed) co_return;  // a claim that failed is tried again by the sweep
  try {
    co_await give_up_or_postpone(coaching, std::move(*claimed), *failure);
  } catch (const Error& error) {
    // The store cannot be reached; the lease ends by itself.
    coaching.log.write(telemetry::Level::error, "job_not_postponed",
                       {{"job_id", job_id}, {"error", base::to_string(error.code)}});
  }
}

}  // namespace coaching
