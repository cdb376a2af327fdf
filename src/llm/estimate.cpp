#include "llm/provider.hpp"

namespace llm {

std::int64_t estimate_tokens(std::string_view text) { return static_cast<std::int64_t>((text.size() + 3) / 4); }

std::int64_t estimate_prompt(const Request& request) {
  constexpr std::int64_t kPerMessage = 4;  // role and separators
  auto tokens = estimate_tokens(request.system.reveal()) + estimate_tokens(request.summary.reveal()) +
                estimate_tokens(request.guidance.reveal());
  for (const auto& message : request.messages) tokens += kPerMessage + estimate_tokens(message.content.reveal());
  return tokens;
}

Quote Provider::quote(const Request& request) const {
  const auto prompt = estimate_prompt(request);
  return {
      .model_code = std::string(default_model()), .prompt_tokens = prompt, .most_tokens = prompt + request.max_tokens};
}

}  // namespace llm
