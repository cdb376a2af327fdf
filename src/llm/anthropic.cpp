#include "llm/anthropic.hpp"

#include "base/error.hpp"

namespace llm {

std::unique_ptr<Provider> make_anthropic(const Model&, const AnthropicOptions&, const ProviderDependencies&) {
  throw base::Error(base::Code::validation_error, "the vendor anthropic is not there yet");
}

}  // namespace llm
