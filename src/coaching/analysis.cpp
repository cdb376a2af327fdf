#include "coaching/analysis.hpp"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "base/schema.hpp"
#include "coaching/analysis_job.hpp"
#include "coaching/ask.hpp"
#include "coaching/context.hpp"
#include "coaching/job_runner.hpp"
#include "coaching/prompt.hpp"
#include "coaching/structured.hpp"
#include "coaching/tenants.hpp"
#include "coaching/tiers.hpp"
#include "coaching/topic_versions.hpp"
#include "coaching/website.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;
using TopicPtr = std::shared_ptr<const Topic>;

struct Schemas {
  base::Schema request;
  base::Schema result;
};

// Compiling takes longer than a whole answer from the cache.
std::shared_ptr<const Schemas> schemas_of(const Topic& topic) {
  constexpr std::size_t kMost = 256;
  thread_local std::unordered_map<std::string, std::shared_ptr<const Schemas>> known;
  const auto name = fmt::format("{} {}", topic.id, topic.hash);
  if (const auto found = known.find(name); found != known.end()) return found->second;
  if (known.size() >= kMost) known.clear();
  auto schemas = std::make_shared<const Schemas>(
      Schemas{base::Schema(base::resolve_references(topic.request_schema, topic.request_schema)),
              base::Schema(base::resolve_references(topic.result_schema, topic.result_schema))});
  return known[name] = std::move(schemas);
}

Task<TopicPtr> analysis_topic(const Coaching& coaching, const Owner& owner, const AnalysisRequest& request) {
  auto topic = co_await live_topic(coaching, owner.tenant_id, request.topic);
  if (!topic || topic->kind != TopicKind::analysis) {
    std::vector<std::string> known;
    for (const auto& other : co_await live_topics(coaching, owner.tenant_id)) {
      if (other->kind == TopicKind::analysis) known.push_back(other->id);
    }
    throw Error(Code::topic_not_found, fmt::format("there is no such analysis; there are: {}", fmt::join(known, ", ")));
  }
  if (!tier_includes(request.tier, topic->tier)) {
    throw Error(Code::forbidden, fmt::format("this analysis needs the tier {} or higher", topic->tier),
                base::json::object{{"required_tier", topic->tier}});
  }
  co_return topic;
}

// Spaces are as good as nothing where something must be said; the schema counts them as characters.
void find_unsaid(const Topic& topic, const base::json::object& input, std::vector<base::Fault>& faults) {
  for (const auto& parameter : topic.parameters) {
    const auto* given = parameter.required ? input.if_contains(parameter.name) : nullptr;
    if (given == nullptr || !given->is_string()) continue;
    const auto listed = [&](const base::Fault& fault) { return fault.field == parameter.name; };
    if (base::trim(given->get_string()).empty() && std::ranges::none_of(faults, listed)) {
      faults.push_back({parameter.name, "must not be empty"});
    }
  }
}

// What the templates get, and the offline coach: a value for each parameter, null for what is not there.
base::json::value values_for(const Topic& topic, const AnalysisInput& input, const BusinessContext* context) {
  Conversation conversation;
  conversation.user_name = input.user_name;
  conversation.context = input.input;
  auto values = template_values(topic, conversation, context);
  for (const auto& member : input.page) values.as_object()[member.key()] = member.value();
  return values;
}

// References into topic and values.
llm::Request make_request(const Coaching& coaching, const Topic& topic, const base::json::value& values) {
  llm::Request request;
  request.purpose = llm::Purpose::analysis;
  request.system = base::PrivateText(topic.system.render(values));
  request.messages.push_back({llm::Role::user, base::PrivateText(topic.extraction.render(values))});
  request.max_tokens = static_cast<int>(coaching.options.analysis.result_tokens);
  request.temperature = 0;
  request.schema = &topic.result_schema;
  request.schema_name = topic.id + "_result";
  request.script = &topic.offline;
  request.input = &values;
  request.timeouts = coaching.llm.timeouts;
  return request;
}

Error no_result(const Structured& answer, const std::string& analysis_id) {
  const auto* why =
      answer.outcome == Structured::Outcome::refused
          ? "the model would not answer this; put it in other words, or leave out what it may have refused"
          : "the model gave no answer that fits this analysis; try again";
  return Error(Code::llm_error, why, base::json::object{{"analysis_id", analysis_id}});
}

Account account_of(const AnalysisWork& work) {
  return {work.analysis.owner, work.topic->id, work.input.tier, work.analysis.analysis_id};
}

Task<> ask(const Coaching& coaching, AnalysisWork& work, LiveJob& live) {
  const auto schemas = schemas_of(*work.topic);
  auto answer = co_await ask_structured(coaching, live.account, work.request, schemas->result, &live.charges);
  auto& analysis = work.analysis;
  if (answer.outcome != Structured::Outcome::valid) throw no_result(answer, analysis.analysis_id);
  analysis.result = std::move(answer.value);
  analysis.model = std::move(answer.spent.model);
  analysis.prompt_tokens = answer.spent.usage.prompt_tokens;
  analysis.completion_tokens = answer.spent.usage.completion_tokens;
  analysis.cost_usd = answer.spent.cost_usd;
}

// Of a request that was answered in time.
Task<> commit_alone(const Coaching& coaching, LiveJob& live, std::vector<store::Write> writes) {
  settle(coaching, live.account, std::nullopt, live.charges, writes);
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) {
    throw Error(Code::conflict, "another request with this Idempotency-Key took over; ask again to get its answer");
  }
  live.charges.clear();
}

AnalysisInput input_of(AnalysisRequest request, const Topic& topic) {
  AnalysisInput input;
  input.topic = topic.id;
  input.topic_scope = topic.scope;
  input.topic_version = topic.version;
  input.input = std::move(request.input);
  input.tier = std::move(request.tier);
  input.user_name = std::move(request.user_name);
  if (!request.idempotency_key.empty()) input.key_hash = sha256_hex(request.idempotency_key);
  input.fresh = request.fresh;
  return input;
}

std::string request_hash(const AnalysisInput& input) {
  return sha256_hex(fmt::format("{}\n{}", input.topic, base::write_json(input.input)));
}

Analysis draft_of(Owner owner, std::string analysis_id, const AnalysisInput& input) {
  Analysis draft;
  draft.analysis_id = std::move(analysis_id);
  draft.owner = std::move(owner);
  draft.topic = input.topic;
  draft.topic_scope = input.topic_scope;
  draft.topic_version = input.topic_version;
  draft.request_hash = request_hash(input);
  return draft;
}

}  // namespace

void check_input(const Topic& topic, const base::json::object& input) {
  auto faults = schemas_of(topic)->request.faults(input);
  find_unsaid(topic, input, faults);
  if (faults.empty()) return;
  const auto& first = faults.front();
  const auto text = faults.size() == 1
                        ? fmt::format("The field {} {}.", first.field, first.message)
                        : fmt::format("{} things are wrong with the request; details lists them.", faults.size());
  throw Error(Code::validation_error, text, base::to_json(faults));
}

Task<AnalysisWorkPtr> prepare_analysis(const Coaching& coaching, Owner owner, std::string analysis_id, TopicPtr topic,
                                       AnalysisInput input, base::PrivateText token, telemetry::Trace trace) {
  auto work = std::make_shared<AnalysisWork>();
  work->analysis = draft_of(std::move(owner), std::move(analysis_id), input);
  auto& analysis = work->analysis;
  if (!input.business) {
    const auto gathered =
        co_await gather(coaching, topic, {analysis.owner, std::move(token), input.user_name, input.input, trace});
    if (gathered) input.business = *gathered;
  }
  if (input.page.empty()) co_await coaching.websites.fill(*topic, input.input, input.page);
  const auto* context = input.business ? &*input.business : nullptr;
  need_business(*topic, context);
  if (context != nullptr) analysis.business_context = shown_context(*context);
  work->values = values_for(*topic, input, context);
  work->input = std::move(input);
  work->topic = std::move(topic);
  work->request = make_request(coaching, *work->topic, work->values);
  work->request.trace = trace;
  address(work->request, account_of(*work));
  work->response = response_key(coaching, analysis.owner, *work->topic, work->request);
  analysis.response_hash = work->response.hash;
  co_return work;
}

Task<> make_analysis(const Coaching& coaching, AnalysisWorkPtr work, LiveJobPtr live) {
  auto& analysis = work->analysis;
  std::vector<store::Write> writes;
  live->account = account_of(*work);
  auto known = co_await find_response(coaching, work->response, work->input.fresh);
  if (known.response) {
    analysis.result = known.response->result;
    analysis.model = known.response->model;
    analysis.cached = true;
  } else {
    co_await ask(coaching, *work, *live);
    keep_response(coaching, work->response, {analysis.result, analysis.model, {}}, known.lead, writes);
  }
  co_await live->stop_renewals();  // until here it may have become a job
  analysis.created_at = coaching.clock.now();
  put_analysis(analysis, writes);
  if (work->claim) writes.emplace_back(finish_claim(coaching, *work->claim));
  if (auto listed = list_user(coaching, analysis.owner)) writes.emplace_back(std::move(*listed));
  if (live->version > 0) {
    co_await commit_job_end(coaching, *live, JobStatus::completed, {}, std::move(writes));
  } else {
    co_await commit_alone(coaching, *live, std::move(writes));
  }
  remember_user(coaching, analysis.owner);
}

Task<AnalysisAnswer> run_analysis(const Coaching& coaching, Owner owner, AnalysisRequest request) {
  const auto begun = coaching.clock.now();
  const auto topic = co_await analysis_topic(coaching, owner, request);
  check_input(*topic, request.input);
  const bool respond_async = request.respond_async;
  auto token = std::move(request.token);
  const auto trace = request.trace;
  auto input = input_of(std::move(request), *topic);
  const auto key_hash = input.key_hash;
  if (!key_hash.empty()) {
    auto known = co_await find_repeat(coaching, owner, key_hash, request_hash(input));
    if (known) co_return co_await answer_repeat(coaching, owner, std::move(*known), respond_async);
  }
  const auto work = co_await prepare_analysis(coaching, owner, coaching.ids.next("anls"), topic, std::move(input),
                                              std::move(token), trace);
  if (respond_async) co_return co_await enqueue_analysis(coaching, work);
  if (!key_hash.empty()) {
    const auto until = coaching.clock.now() + coaching.options.analysis.wait + coaching.options.job_lease;
    AnalysisClaim claim{work->analysis.request_hash, work->analysis.analysis_id, "", false, until};
    auto outcome = co_await claim_analysis(coaching, owner, key_hash, std::move(claim));
    if (!outcome.held) co_return co_await answer_repeat(coaching, owner, std::move(outcome), false);
    work->claim = std::move(outcome.held);
  }
  const auto spent = coaching.clock.now() - begun;
  co_return co_await make_in_time(coaching, work, coaching.options.analysis.wait - spent);
}

}  // namespace coaching
