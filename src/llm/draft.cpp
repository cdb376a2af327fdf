#include "llm/draft.hpp"

namespace llm {

const Sink Draft::kNoSink;

void Draft::say(std::string_view text) {
  if (text.empty()) return;
  has_begun_ = true;
  (forced_tool_ ? beside_ : text_).append(text);
}

void Draft::refuse(std::string_view text) {
  if (text.empty()) return;
  has_begun_ = true;
  refused_ = true;
  text_.append(text);
}

void Draft::call(std::string_view arguments) {
  has_begun_ = true;
  if (!forced_tool_) return;  // nobody asked for one
  called_ = true;
  text_.append(arguments);
}

void Draft::name(std::string_view id, std::string_view model) {
  if (id_.empty()) id_ = id;
  if (model_.empty()) model_ = model;
}

void Draft::set_usage(const Usage& usage) {
  usage_ = usage;
  has_usage_ = true;
}

void Draft::finish(FinishReason reason) {
  finish_ = reason;
  has_finish_ = true;
}

Reply Draft::reply(std::int64_t estimated_prompt_tokens, std::string_view default_model) && {
  if (text_.text().empty()) text_.append(called_ ? "{}" : std::string_view(beside_.text()));
  if (!has_usage_) {
    usage_ = {.prompt_tokens = estimated_prompt_tokens,
              .completion_tokens = estimate_tokens(text_.text()),
              .estimated = true};
  }
  Reply reply;
  reply.text = base::PrivateText(std::move(text_).take());
  reply.finish_reason = refused_ ? FinishReason::refusal : finish_;
  reply.usage = usage_;
  reply.model = !model_.empty() ? model_ : std::string(default_model);
  reply.provider_request_id = std::move(id_);
  return reply;
}

}  // namespace llm
