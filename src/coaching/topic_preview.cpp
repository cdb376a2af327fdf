#include "coaching/topic_preview.hpp"

#include <algorithm>
#include <set>

#include "base/schema.hpp"
#include "coaching/ask.hpp"
#include "coaching/prompt.hpp"
#include "coaching/structured.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr int kResultTokens = 4'096;

base::json::object values_of(const Topic& topic, const base::json::object& samples) {
  Conversation conversation;
  auto values = template_values(topic, conversation, nullptr).as_object();
  for (const auto& sample : samples) values[sample.key()] = sample.value();
  return values;
}

RenderedPrompt render(const Template& prompt, std::string file, const base::json::object& values) {
  RenderedPrompt rendered{std::move(file), prompt.render(values), 0, {}};
  rendered.tokens = count_message(rendered.text);
  std::set<std::string> missing;
  for (const auto& tag : prompt.tags()) {
    const auto name = tag.name.substr(0, tag.name.find('.'));
    const auto* value = values.if_contains(name);
    if (value != nullptr && value->is_null()) missing.insert(name);
  }
  rendered.missing.assign(missing.begin(), missing.end());
  return rendered;
}

const Template& instruction_of(const Topic& topic, TrialPart part) {
  if (topic.kind == TopicKind::analysis && part != TrialPart::result) {
    throw Error(Code::validation_error, "an analysis has a result alone",
                base::json::array{{{"field", "part"}, {"message", "must be result for an analysis"}}});
  }
  switch (part) {
    case TrialPart::opening: return topic.initiation;
    case TrialPart::resume: return topic.resume;
    case TrialPart::result: return topic.extraction;
    case TrialPart::reply: break;
  }
  static const Template none;
  return none;
}

llm::Purpose purpose_of(const Topic& topic, TrialPart part) {
  switch (part) {
    case TrialPart::opening: return llm::Purpose::initiation;
    case TrialPart::resume: return llm::Purpose::resumption;
    case TrialPart::reply: return llm::Purpose::reply;
    case TrialPart::result: break;
  }
  return topic.kind == TopicKind::analysis ? llm::Purpose::analysis : llm::Purpose::extraction;
}

// In the way that a real call is made; `input` must outlive it.
llm::Request make_request(const Coaching& coaching, const Topic& topic, TrialRequest& trial,
                          const base::json::value& input) {
  const auto values = values_of(topic, trial.samples);
  const auto& instruction = instruction_of(topic, trial.part);
  llm::Request request;
  request.purpose = purpose_of(topic, trial.part);
  request.system = base::PrivateText(topic.system.render(values));
  request.messages = std::move(trial.messages);
  auto& place = request.guidance;
  if (topic.kind == TopicKind::analysis) {
    request.messages = {{llm::Role::user, base::PrivateText(instruction.render(values))}};
    request.input = &input;
  } else if (trial.part == TrialPart::reply) {
    place = base::PrivateText(phase_guidance(topic, Conversation{}));
  } else {
    place = base::PrivateText(instruction.render(values));
  }
  request.max_tokens = trial.part == TrialPart::result ? kResultTokens : coaching.llm.max_tokens;
  request.temperature = trial.part == TrialPart::result ? 0 : coaching.llm.temperature;
  request.script = &topic.offline;
  request.schema_name = topic.id + "_result";
  request.current_phase = base::name_of(Phase::introduction);
  request.timeouts = coaching.llm.timeouts;
  request.trace = trial.trace;
  return request;
}

Task<> ask_for_result(const Coaching& coaching, const Account& account, const Topic& topic, llm::Request& request,
                      Trial& trial) {
  const base::Schema schema(base::resolve_references(topic.result_schema, topic.result_schema));
  auto answer = co_await ask_structured(coaching, account, request, schema);
  trial.value = std::move(answer.value);
  trial.fault = std::move(answer.fault);
  if (!trial.value.is_null()) trial.text = base::write_json(trial.value);
  trial.model = answer.spent.model;
  trial.usage = answer.spent.usage;
  trial.cost_usd = answer.spent.cost_usd;
}

}  // namespace

std::vector<RenderedPrompt> render_topic(const Topic& topic, const base::json::object& samples) {
  const auto values = values_of(topic, samples);
  std::vector<RenderedPrompt> prompts{render(topic.system, "system.md", values)};
  if (topic.kind == TopicKind::analysis) {
    prompts.push_back(render(topic.extraction, "instruction.md", values));
    return prompts;
  }
  prompts.push_back(render(topic.initiation, "initiation.md", values));
  prompts.push_back(render(topic.resume, "resume.md", values));
  prompts.push_back(render(topic.extraction, "extraction.md", values));
  return prompts;
}

Task<Trial> try_topic(const Coaching& coaching, Account account, std::shared_ptr<const Topic> topic,
                      TrialRequest request) {
  const base::json::value input = request.samples;
  const auto part = request.part;
  auto asked = make_request(coaching, *topic, request, input);
  Trial trial;
  const auto begin = coaching.clock.now();
  if (part == TrialPart::result) {
    co_await ask_for_result(coaching, account, *topic, asked, trial);
  } else {
    auto reply = co_await ask_model(coaching, account, asked);
    trial.text = reply.text.reveal();
    trial.model = reply.model;
    trial.usage = reply.usage;
    trial.cost_usd = reply.cost_usd;
  }
  trial.latency = coaching.clock.now() - begin;
  co_return trial;
}

}  // namespace coaching
