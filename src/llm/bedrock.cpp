#include "llm/bedrock.hpp"

#include "base/error.hpp"

namespace llm {

std::unique_ptr<Provider> make_bedrock(const Model&, const BedrockOptions&, const ProviderDependencies&) {
  throw base::Error(base::Code::validation_error, "the vendor bedrock is not there yet");
}

}  // namespace llm
