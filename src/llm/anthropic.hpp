#pragma once
// A model by Anthropic's Messages API (https://docs.anthropic.com/en/api/messages).
#include <boost/describe.hpp>
#include <memory>
#include <string>

#include "base/text.hpp"
#include "llm/catalogue.hpp"
#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"

namespace llm {

struct AnthropicOptions {
  std::string base_url = "https://api.anthropic.com/v1";
  base::Secret api_key;
};
BOOST_DESCRIBE_STRUCT(AnthropicOptions, (), (base_url, api_key))

// Throws Error{validation_error} naming the option that cannot be used. Connects to nothing yet.
std::unique_ptr<Provider> make_anthropic(const Model& model, const AnthropicOptions& options,
                                         const ProviderDependencies& dependencies);

}  // namespace llm
