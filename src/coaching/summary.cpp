#include "coaching/summary.hpp"

#include "coaching/ask.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/prompt.hpp"
#include "coaching/topic_versions.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr std::size_t kPage = 200;

void drop_before(Snapshot& snapshot, std::int64_t start) {
  snapshot.conversation.window_start = start;
  std::erase_if(snapshot.recent, [&](const auto& message) { return message->sequence < start; });
}

// What a summary is made of.
struct Material {
  std::vector<llm::Message> messages;
  std::int64_t up_to = 0;  // number of the first message that is left out
};

// The stored messages from number `from` up to `target`, fewer when there are too many for one call: those that are left
// out come with the next summary. They end before a message of the coachee, so that no turn is cut in half.
Task<Material> read_material(const Coaching& coaching, const Conversation& conversation, std::int64_t from,
                             std::int64_t target) {
  Material material{{}, from};
  std::int64_t tokens = 0;
  store::Query query;
  const auto first = message_key(conversation.conversation_id, from);
  query.partition = first.partition;
  query.from = first.sort;
  query.to = message_key(conversation.conversation_id, target).sort;
  query.limit = kPage;
  for (bool more = true; more;) {
    const auto page = co_await coaching.store.query(query);
    for (const auto& item : page.items) {
      const auto message = record_of<Message>(item);
      const bool user = message.role == Speaker::user;
      if (user && tokens > coaching.options.extraction_tokens) co_return material;
      tokens += message.tokens > 0 ? message.tokens : llm::estimate_tokens(message.content.reveal());
      material.messages.push_back({user ? llm::Role::user : llm::Role::assistant, message.content});
      material.up_to = message.sequence + 1;
    }
    more = page.more;
    if (more) query.after = page.items.back().key.sort;
  }
  co_return material;
}

// At most so many tokens, in whole lines where there are lines, in whole sentences else.
std::string cut_to(std::string text, std::int64_t tokens) {
  while (count_message(text) > tokens) {
    auto end = text.find_last_of('\n', text.size() - 1);
    if (end == std::string::npos || end == 0) end = text.find_last_of(".!?", text.size() - 2);
    if (end == std::string::npos || end == 0) {
      text = base::prefix_bytes(text, text.size() / 2);
    } else {
      text.resize(text[end] == '\n' ? end : end + 1);
    }
  }
  return text;
}

Task<Summary> ask_for_summary(const Coaching& coaching, const Topic& topic, const Conversation& conversation,
                              const Summary* before, Material material, LiveJob& live) {
  llm::Request request;
  request.purpose = llm::Purpose::summary;
  request.model = coaching.llm.assessment_model;
  request.system = base::PrivateText(topic.summary.render(template_values(topic, conversation, nullptr)));
  request.summary = summary_text(before);
  request.messages = std::move(material.messages);
  request.guidance = base::PrivateText("Write the new summary now: the notes alone.");
  request.max_tokens = static_cast<int>(coaching.options.summary_tokens * 2);  // what is too long is cut in whole lines
  request.temperature = 0;
  request.script = &topic.offline;
  request.current_phase = base::name_of(conversation.phase);
  request.timeouts = coaching.llm.timeouts;
  request.trace = live.trace;
  live.account = account_of(conversation);
  const auto reply = co_await ask_model(coaching, live.account, request, {}, &live.charges);
  if (reply.finish_reason == llm::FinishReason::refusal || reply.finish_reason == llm::FinishReason::content_filter) {
    throw Error(Code::llm_error, "the model refused to summarise the conversation");
  }
  auto text = cut_to(std::string(base::trim(reply.text.reveal())), coaching.options.summary_tokens);
  if (text.empty()) throw Error(Code::llm_error, "the model answered with an empty summary");
  Summary summary;
  summary.number = conversation.summary_number + 1;
  summary.tokens = count_message(text);
  summary.text = base::PrivateText(std::move(text));
  summary.up_to = material.up_to;
  summary.model = reply.model;
  summary.created_at = coaching.clock.now();
  co_return summary;
}

// The record as it is stored: what is remembered may be behind, and a summary must not push it out of memory.
Task<std::optional<Conversation>> read_record(const Coaching& coaching, const std::string& conversation_id) {
  const auto item = co_await coaching.store.get(conversation_key(conversation_id));
  if (!item) co_return std::nullopt;
  co_return record_of<Conversation>(*item);
}

Task<> close(const Coaching& coaching, LiveJobPtr live) {
  co_await commit_job_end(coaching, *live, JobStatus::failed,
                          {"obsolete", "The conversation does not wait for a summary any more."}, {});
}

}  // namespace

std::optional<Job> plan_summary(const Coaching& coaching, Snapshot& after) {
  auto& conversation = after.conversation;
  const auto budget = coaching.options.window_tokens;
  const auto target = window_start(after.recent, conversation.window_start, budget);
  // Something is neither in the window nor in a summary: the window had to move, or a summary could not take it all.
  const bool gap = (after.summary ? after.summary->up_to : 0) < conversation.window_start;
  if (conversation.summary_job) {
    if (window_tokens(after.recent, conversation.window_start) <= budget * 2 || target == conversation.window_start) {
      return std::nullopt;
    }
    drop_before(after, target);
  } else if (target == conversation.window_start && !gap) {
    return std::nullopt;
  }
  auto job = new_job(coaching, kSummaryJob, conversation.owner, conversation.conversation_id, conversation.topic);
  conversation.summary_job = job.job_id;
  conversation.summary_target = target;
  return job;
}

Task<SnapshotPtr> with_ready_summary(const Coaching& coaching, SnapshotPtr snapshot) {
  if (!snapshot->conversation.summary_job) co_return snapshot;
  const auto ready = co_await read_summary(coaching, snapshot->conversation, snapshot->conversation.summary_number + 1);
  if (!ready) co_return snapshot;
  auto after = std::make_shared<Snapshot>(*snapshot);
  after->summary = ready;
  after->conversation.summary_number = ready->number;
  after->conversation.summary_job.reset();
  drop_before(*after, std::max(ready->up_to, after->conversation.window_start));
  co_return after;
}

Task<std::shared_ptr<const Summary>> read_summary(const Coaching& coaching, const Conversation& conversation,
                                                  std::int64_t number) {
  if (number == 0) co_return nullptr;
  const auto item = co_await coaching.store.get(summary_key(conversation.conversation_id, number));
  if (!item) co_return nullptr;
  co_return std::make_shared<const Summary>(record_of<Summary>(*item));
}

// Whoever deletes the conversation deletes its job first, so no summary is written after that.
Task<> run_summary(const Coaching& coaching, LiveJobPtr live) {
  const auto& job = live->job;
  const auto conversation = co_await read_record(coaching, job.reference);
  const bool wanted = conversation && is_open(conversation->status) && conversation->summary_job == job.job_id &&
                      !co_await read_summary(coaching, *conversation, conversation->summary_number + 1);
  if (!wanted) co_return co_await close(coaching, live);
  const auto topic = co_await topic_of(coaching, *conversation);
  const auto before = co_await read_summary(coaching, *conversation, conversation->summary_number);
  const auto target = std::max(conversation->summary_target, conversation->window_start);
  auto material = co_await read_material(coaching, *conversation, before ? before->up_to : 0, target);
  if (material.messages.empty()) co_return co_await close(coaching, live);
  const auto summary =
      co_await ask_for_summary(coaching, *topic, *conversation, before.get(), std::move(material), *live);
  std::vector<store::Write> writes{put_summary(job.reference, summary)};
  co_await commit_job_end(coaching, *live, JobStatus::completed, {}, std::move(writes));
}

Task<> give_up_summary(const Coaching& coaching, LiveJobPtr live, JobFailure why) {
  co_await commit_job_end(coaching, *live, JobStatus::failed, std::move(why), {});
}

}  // namespace coaching
