#include "llm/offline.hpp"

#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/json.hpp"
#include "llm/offline_analysis.hpp"
#include "llm/offline_reply.hpp"
#include "llm/offline_result.hpp"

namespace llm {
namespace {

constexpr std::string_view kModel = "offline-coach (rule-based)";

std::string answer(const Request& request) {
  if (request.purpose == Purpose::analysis) {
    return base::write_json(offline::analysis_of(request.script, request.input, request.schema));
  }
  const auto script = offline::read_script(request.script);
  if (request.purpose == Purpose::initiation) return offline::first_message(script);
  const auto dialogue = offline::read_dialogue(script, request);
  switch (request.purpose) {
    case Purpose::resumption: return offline::welcome_back(dialogue);
    case Purpose::assessment: return offline::assessment_text(dialogue);
    case Purpose::extraction: return base::write_json(offline::result_of(dialogue, request.schema));
    default: return offline::reply_text(dialogue);
  }
}

// Word by word, as a model would; without waiting, because there is nothing to wait for.
void stream(std::string_view text, const Sink& sink) {
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto length = space == std::string_view::npos ? text.size() : space + 1;
    sink(text.substr(0, length));
    text.remove_prefix(length);
  }
}

Usage usage_of(const Request& request, std::string_view text) {
  Usage usage;
  usage.prompt_tokens = estimate_tokens(request.system.reveal());
  for (const auto& message : request.messages) usage.prompt_tokens += estimate_tokens(message.content.reveal());
  usage.completion_tokens = estimate_tokens(text);
  usage.estimated = true;
  return usage;
}

class OfflineCoach final : public Provider {
 public:
  std::string_view name() const override { return "offline"; }
  std::string_view default_model() const override { return kModel; }

  base::Task<Reply> complete(const Request& request, const Sink& sink) override {
    auto text = answer(request);
    Reply reply;
    reply.usage = usage_of(request, text);
    if (sink) stream(text, sink);
    reply.text = base::PrivateText(std::move(text));
    reply.model = kModel;
    co_return reply;
  }

  base::Task<Health> health() override { co_return Health{}; }
};

}  // namespace

std::unique_ptr<Provider> make_offline_coach() { return std::make_unique<OfflineCoach>(); }

}  // namespace llm
