#pragma once
// The one list of vendors, and every option of models.
#include <boost/describe.hpp>
#include <memory>
#include <string>

#include "base/text.hpp"
#include "llm/anthropic.hpp"
#include "llm/bedrock.hpp"
#include "llm/catalogue.hpp"
#include "llm/gemini.hpp"
#include "llm/openai.hpp"
#include "llm/provider.hpp"
#include "llm/retry.hpp"
#include "llm/router_options.hpp"

namespace llm {

struct LlmOptions {
  // The short form, one model for everything: who makes it, and its code in the catalogue or the vendor's own id.
  // provider "offline" (rule-based, no network) needs no model; "catalogue" takes the routes of models.yaml instead.
  std::string provider = "offline";
  std::string model;
  std::string base_url;          // of that vendor; "" for what its own section below says
  base::Secret api_key;          // the same
  std::string assessment_model;  // a smaller one of that vendor, for assessments and summaries; "" for `model`
  std::string token_parameter;   // of a model that the catalogue does not know, as in Model
  double price_per_million_input_usd = 0;  // the same; 0 for one's own machine
  double price_per_million_output_usd = 0;

  std::string catalogue_file;  // a models.yaml, whose models and routes come before those in the binary; "" for none
  OpenAiOptions openai;
  AzureOptions azure;
  CompatibleOptions compatible;
  AnthropicOptions anthropic;
  GeminiOptions gemini;
  BedrockOptions bedrock;

  int max_tokens = 1024;  // of one answer
  double temperature = 0.7;
  Timeouts timeouts;
  RetryOptions retry;
  RouterOptions router;
};
BOOST_DESCRIBE_STRUCT(LlmOptions, (),
                      (provider, model, base_url, api_key, assessment_model, token_parameter,
                       price_per_million_input_usd, price_per_million_output_usd, catalogue_file, openai, azure,
                       compatible, anthropic, gemini, bedrock, max_tokens, temperature, timeouts, retry, router))

// One model, by its vendor's provider. Throws Error{validation_error} naming the option that cannot be used.
std::unique_ptr<Provider> make_provider(const Model& model, const LlmOptions& options,
                                        const ProviderDependencies& dependencies);

}  // namespace llm
