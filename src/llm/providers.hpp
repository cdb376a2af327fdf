#pragma once
// The one list of vendors.
#include <boost/describe.hpp>
#include <memory>
#include <string>

#include "base/text.hpp"
#include "llm/openai.hpp"
#include "llm/provider.hpp"
#include "llm/retry.hpp"

namespace llm {

struct LlmOptions {
  std::string provider = "offline";  // "offline" (rule-based, no network) or "openai" (and compatible servers)
  std::string base_url;              // "" for the vendor's own
  base::Secret api_key;
  std::string model;                 // required for every provider but "offline"
  std::string assessment_model;      // a smaller one for assessments; "" for `model`
  int max_tokens = 1024;             // of one answer
  double temperature = 0.7;
  Timeouts timeouts;
  RetryOptions retry;
  double price_per_million_input_usd = 0;  // of `model`, for the books; 0 for one's own
  double price_per_million_output_usd = 0;
  std::string token_parameter;       // as in OpenAiOptions, these four
  std::string organization;
  std::string project;
  bool store = false;
};
BOOST_DESCRIBE_STRUCT(LlmOptions, (),
                      (provider, base_url, api_key, model, assessment_model, max_tokens, temperature, timeouts, retry,
                       price_per_million_input_usd, price_per_million_output_usd, token_parameter, organization,
                       project, store))

// Throws Error{validation_error} naming the option that cannot be used.
std::unique_ptr<Provider> make_provider(const LlmOptions& options, const ProviderDependencies& dependencies);

}  // namespace llm
