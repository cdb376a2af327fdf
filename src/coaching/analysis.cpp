#include "coaching/analysis.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "base/schema.hpp"
#include "coaching/analysis_records.hpp"
#include "coaching/ask.hpp"
#include "coaching/context.hpp"
#include "coaching/prompt.hpp"
#include "coaching/raw_answers.hpp"
#include "coaching/response_cache.hpp"
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
using AnalysisPtr = std::shared_ptr<const Analysis>;
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

void check_input(const Topic& topic, const Schemas& schemas, const base::json::object& input) {
  auto faults = schemas.request.faults(input);
  find_unsaid(topic, input, faults);
  if (faults.empty()) return;
  const auto& first = faults.front();
  const auto text = faults.size() == 1
                        ? fmt::format("The field {} {}.", first.field, first.message)
                        : fmt::format("{} things are wrong with the request; details lists them.", faults.size());
  throw Error(Code::validation_error, text, base::to_json(faults));
}

// What the templates get, and the offline coach: a value for each parameter, null for what is not there.
Task<base::json::value> values_for(const Coaching& coaching, const Topic& topic, const AnalysisRequest& request,
                                   const BusinessContext* context) {
  Conversation conversation;
  conversation.user_name = request.user_name;
  conversation.context = request.input;
  auto values = template_values(topic, conversation, context);
  co_await coaching.websites.fill(topic, request.input, values.as_object());
  co_return values;
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

// Asks, and notes in `analysis` what came of it.
Task<> ask(const Coaching& coaching, const Account& account, llm::Request& request, const Schemas& schemas,
           Analysis& analysis) {
  auto answer = co_await ask_structured(coaching, account, request, schemas.result);
  if (answer.outcome != Structured::Outcome::valid) throw no_result(answer, analysis.analysis_id);
  analysis.result = std::move(answer.value);
  analysis.model = std::move(answer.spent.model);
  analysis.prompt_tokens = answer.spent.usage.prompt_tokens;
  analysis.completion_tokens = answer.spent.usage.completion_tokens;
  analysis.cost_usd = answer.spent.cost_usd;
}

Task<AnalysisPtr> make_analysis(const Coaching& coaching, Analysis analysis, const AnalysisRequest& request,
                                TopicPtr topic, const std::optional<HeldClaim>& claim) {
  const auto schemas = schemas_of(*topic);
  const auto context =
      co_await gather(coaching, topic, {analysis.owner, request.token, request.user_name, request.input});
  need_business(*topic, context.get());
  if (context) analysis.business_context = shown_context(*context);
  const auto values = co_await values_for(coaching, *topic, request, context.get());
  auto asked = make_request(coaching, *topic, values);
  const Account account{analysis.owner, topic->id, request.tier, analysis.analysis_id};
  address(asked, account);
  const auto key = response_key(coaching, analysis.owner, *topic, asked);
  analysis.response_hash = key.hash;

  std::vector<store::Write> writes;
  auto known = co_await find_response(coaching, key, request.fresh);
  if (known.response) {
    analysis.result = known.response->result;
    analysis.model = known.response->model;
    analysis.cached = true;
  } else {
    co_await ask(coaching, account, asked, *schemas, analysis);
    keep_response(coaching, key, {analysis.result, analysis.model, {}}, known.lead, writes);
  }
  analysis.created_at = coaching.clock.now();
  put_analysis(analysis, writes);
  if (claim) writes.emplace_back(finish_claim(coaching, *claim));
  if (auto listed = list_user(coaching, analysis.owner)) writes.emplace_back(std::move(*listed));
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) {
    throw Error(Code::conflict, "another request with this Idempotency-Key took over; ask again to get its answer");
  }
  remember_user(coaching, analysis.owner);
  co_return std::make_shared<const Analysis>(std::move(analysis));
}

Error no_analysis() { return Error(Code::analysis_not_found, "there is no such analysis of yours"); }

}  // namespace

Task<AnalysisPtr> run_analysis(const Coaching& coaching, Owner owner, AnalysisRequest request) {
  const auto topic = co_await analysis_topic(coaching, owner, request);
  check_input(*topic, *schemas_of(*topic), request.input);
  Analysis analysis;
  analysis.analysis_id = coaching.ids.next("anls");
  analysis.owner = owner;
  analysis.topic = topic->id;
  analysis.topic_scope = topic->scope;
  analysis.topic_version = topic->version;
  analysis.request_hash = sha256_hex(fmt::format("{}\n{}", topic->id, base::write_json(request.input)));
  if (request.idempotency_key.empty()) {
    co_return co_await make_analysis(coaching, std::move(analysis), request, topic, std::nullopt);
  }
  AnalysisClaim claim{analysis.request_hash, analysis.analysis_id, false,
                      coaching.clock.now() + coaching.options.job_lease};
  const auto outcome = co_await claim_analysis(coaching, owner, request.idempotency_key, std::move(claim));
  if (!outcome.held) co_return co_await find_analysis(coaching, owner, outcome.done_id);
  std::exception_ptr failure;
  try {
    co_return co_await make_analysis(coaching, std::move(analysis), request, topic, outcome.held);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await release_claim(coaching, *outcome.held);
  std::rethrow_exception(failure);
}

Task<AnalysisPtr> find_analysis(const Coaching& coaching, Owner owner, std::string analysis_id) {
  if (!base::is_id(analysis_id, "anls")) throw no_analysis();
  const auto item = co_await coaching.store.get(analysis_key(owner, analysis_id));
  if (!item) throw no_analysis();
  co_return std::make_shared<const Analysis>(record_of<Analysis>(*item));
}

Task<AnalysisPage> list_analyses(const Coaching& coaching, Owner owner, std::string topic, std::int64_t page,
                                 std::int64_t page_size) {
  // A list by page numbers walks the user's entries; beyond this many it ends instead of walking for ever.
  constexpr std::int64_t kMostEntries = 20'000;
  AnalysisPage result;
  const auto first = (page - 1) * page_size;
  store::Query query;
  query.partition = user_partition(owner);
  query.from = "anls#";
  query.to = "anls$";
  query.descending = true;  // ids sort by time: newest first
  query.limit = 1000;
  std::int64_t walked = 0;
  for (bool more = true; more;) {
    const auto got = co_await coaching.store.query(query);
    for (const auto& item : got.items) {
      ++walked;
      auto entry = record_of<AnalysisEntry>(item);
      if (!topic.empty() && entry.topic != topic) continue;
      const auto at = result.total++;
      if (at >= first && at < first + page_size) result.analyses.push_back(std::move(entry));
    }
    more = got.more && walked < kMostEntries;
    if (more) query.after = got.items.back().key.sort;
  }
  co_return result;
}

Task<> delete_analysis(const Coaching& coaching, Owner owner, std::string analysis_id) {
  const auto analysis = co_await find_analysis(coaching, owner, analysis_id);
  std::vector<store::Write> writes;
  writes.emplace_back(store::Delete{analysis_key(owner, analysis_id), store::Condition::exists()});
  writes.emplace_back(store::Delete{analysis_entry_key(owner, analysis_id), store::Condition::none()});
  forget_response(coaching, {owner.tenant_id, analysis->response_hash}, writes);
  const auto outcome = co_await coaching.store.transact(std::move(writes));
  if (!outcome.committed()) throw no_analysis();
  co_await erase_raw_answers(coaching.store, owner, analysis_id);
}

}  // namespace coaching
