#include "coaching/extraction.hpp"

#include <fmt/format.h>

#include "base/schema.hpp"
#include "coaching/ask.hpp"
#include "coaching/cache.hpp"
#include "coaching/conversations.hpp"
#include "coaching/jobs.hpp"
#include "coaching/prompt.hpp"
#include "coaching/structured.hpp"
#include "coaching/topic.hpp"

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
};

// The newest messages that fit the budget, oldest first.
Task<std::vector<llm::Message>> whole_transcript(const Coaching& coaching, const Conversation& conversation) {
  const auto page = co_await read_messages(coaching, conversation, "", kMostMessages);
  std::vector<llm::Message> messages;
  std::int64_t tokens = 0;
  for (auto message = page.messages.rbegin(); message != page.messages.rend(); ++message) {
    tokens += llm::estimate_tokens(message->content.reveal());
    if (tokens > coaching.options.extraction_tokens && !messages.empty()) break;
    messages.push_back({message->role == Speaker::user ? llm::Role::user : llm::Role::assistant, message->content});
  }
  std::ranges::reverse(messages);
  co_return messages;
}

std::string describe(const std::vector<base::Fault>& faults) {
  std::string text;
  for (const auto& fault : faults) text += fmt::format("\n- {} {}", fault.field, fault.message);
  return text;
}

Extracted check(const base::Schema& schema, std::string_view answer) {
  try {
    auto result = json_in(answer);
    auto faults = schema.faults(result);
    if (faults.empty()) find_blank(result, "", faults);
    if (faults.empty()) return {std::move(result), ""};
    return {nullptr, "The answer does not fit the schema:" + describe(faults)};
  } catch (const Error& error) {
    return {nullptr, error.message};
  }
}

Task<Extracted> extract(const Coaching& coaching, const Topic& topic, const Conversation& conversation) {
  const base::Schema schema(topic.result_schema);
  const auto values = template_values(topic, conversation);
  llm::Request request;
  request.purpose = llm::Purpose::extraction;
  request.system = base::PrivateText(topic.system.render(values));
  request.messages = co_await whole_transcript(coaching, conversation);
  request.guidance = base::PrivateText(topic.extraction.render(values));
  request.max_tokens = kResultTokens;
  request.temperature = 0;
  request.schema = &topic.result_schema;
  request.schema_name = topic.id + "_result";
  request.script = &topic.offline;
  request.current_phase = base::name_of(conversation.phase);
  request.timeouts = coaching.llm.timeouts;

  const auto first = co_await ask_model(coaching, account_of(conversation), request);
  auto extracted = check(schema, first.text.reveal());
  if (extracted.fault.empty()) co_return extracted;
  // Once more, with what was wrong. A model that fails twice will not do better the third time.
  request.messages.push_back({llm::Role::assistant, first.text});
  request.guidance = base::PrivateText(extracted.fault + "\nSend the corrected result as JSON, and nothing else.");
  const auto second = co_await ask_model(coaching, account_of(conversation), request);
  co_return check(schema, second.text.reveal());
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
  const auto topic = coaching.topics.find(snapshot->conversation.topic);
  if (!topic) throw Error(Code::topic_not_found, "the topic of this conversation is no longer there");
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
