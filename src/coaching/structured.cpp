#include "coaching/structured.hpp"

#include <fmt/format.h>

#include <utility>

#include "coaching/raw_answers.hpp"
#include "llm/schema_dialect.hpp"

namespace coaching {
namespace {

using base::Error;
using base::Task;
using Outcome = Structured::Outcome;

// Of an answer that is sent back: a model that wrote more than this wrote something else than the result.
constexpr std::size_t kMostSentBack = 64 * 1024;

std::string describe(const std::vector<base::Fault>& faults) {
  std::string text = "The answer does not fit the schema:";
  for (const auto& fault : faults) text += fmt::format("\n- {} {}", fault.field, fault.message);
  return text;
}

// Sets outcome, value and fault.
void judge(const base::Schema& schema, const llm::Reply& reply, Structured& out) {
  out.value = nullptr;
  out.fault.clear();
  if (reply.finish_reason == llm::FinishReason::refusal || reply.finish_reason == llm::FinishReason::content_filter) {
    out.outcome = Outcome::refused;
    out.fault = reply.finish_reason == llm::FinishReason::refusal ? "The model refused to answer."
                                                                  : "The vendor's content filter withheld the answer.";
    return;
  }
  out.outcome = reply.finish_reason == llm::FinishReason::length ? Outcome::cut_off : Outcome::invalid;
  try {
    auto value = json_in(reply.text.reveal());
    llm::remove_added_nulls(value, schema.source());
    auto faults = schema.faults(value);
    if (faults.empty()) find_blank(value, "", faults);
    if (!faults.empty()) {
      out.fault = describe(faults);
      return;
    }
    out.value = std::move(value);
    out.outcome = Outcome::valid;
  } catch (const Error& error) {
    out.fault = error.message;
  }
  if (out.outcome == Outcome::cut_off) out.fault = "The answer was longer than the model may write. " + out.fault;
}

void add(Spent& spent, const llm::Reply& reply) {
  ++spent.calls;
  spent.usage.prompt_tokens += reply.usage.prompt_tokens;
  spent.usage.completion_tokens += reply.usage.completion_tokens;
  spent.usage.cached_tokens += reply.usage.cached_tokens;
  spent.usage.cache_write_tokens += reply.usage.cache_write_tokens;
  spent.usage.estimated = spent.usage.estimated || reply.usage.estimated;
  spent.cost_usd += reply.cost_usd;
  spent.model = reply.model;
  spent.model_code = reply.model_code;
}

void send_back(llm::Request& request, const llm::Reply& reply, const std::string& fault) {
  request.messages.push_back(
      {llm::Role::assistant, base::PrivateText(std::string(base::prefix_bytes(reply.text.reveal(), kMostSentBack)))});
  request.guidance = base::PrivateText(fault + "\nSend the corrected result as JSON, and nothing else.");
}

void count(const Coaching& coaching, llm::Purpose purpose, const Structured& out, bool sent_back) {
  const auto outcome = out.outcome == Outcome::valid && sent_back ? "repaired" : base::name_of(out.outcome);
  coaching.metrics
      .counter("purposepath_structured_answers_total", "Answers by a schema, by purpose and outcome.",
               {{"purpose", std::string(base::name_of(purpose))}, {"outcome", std::string(outcome)}})
      .add();
}

}  // namespace

void find_blank(const base::json::value& value, const std::string& path, std::vector<base::Fault>& faults) {
  if (faults.size() >= base::kMaxFaults) return;
  if (const auto* text = value.if_string()) {
    if (base::trim(*text).empty()) faults.push_back({path, "must not be empty"});
  } else if (const auto* list = value.if_array()) {
    for (std::size_t i = 0; i < list->size(); ++i) find_blank((*list)[i], fmt::format("{}[{}]", path, i), faults);
  } else if (const auto* object = value.if_object()) {
    for (const auto& member : *object) find_blank(member.value(), base::join_path(path, member.key()), faults);
  }
}

Task<Structured> ask_structured(const Coaching& coaching, const Account& account, llm::Request& request,
                                const base::Schema& schema, std::vector<Charge>* charges) {
  request.schema = &schema.source();
  Structured out;
  llm::Reply reply;
  bool sent_back = false;
  for (bool longer = false;;) {
    reply = co_await ask_model(coaching, account, request, {}, charges);
    add(out.spent, reply);
    judge(schema, reply, out);
    if (out.outcome == Outcome::valid || out.outcome == Outcome::refused) break;
    if (out.outcome == Outcome::cut_off) {
      if (std::exchange(longer, true)) break;
      request.max_tokens *= 2;
    } else {
      // Once: a model that fails twice will not do better the third time.
      if (std::exchange(sent_back, true)) break;
      send_back(request, reply, out.fault);
    }
  }
  count(coaching, request.purpose, out, sent_back);
  if (out.outcome != Outcome::valid) {
    out.raw_answer_id = co_await keep_raw_answer(coaching, account, request.purpose, reply, out.fault);
  }
  co_return out;
}

}  // namespace coaching
