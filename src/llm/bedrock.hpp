#pragma once
// A model on Amazon Bedrock: Converse and ConverseStream.
#include <boost/describe.hpp>
#include <memory>
#include <string>

#include "base/text.hpp"
#include "llm/catalogue.hpp"
#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"

namespace llm {

struct BedrockOptions {
  std::string region;    // "" for AWS_REGION or the profile's
  std::string base_url;  // "" for https://bedrock-runtime.REGION.amazonaws.com
  base::Secret api_key;  // a bearer key, "" for AWS_BEARER_TOKEN_BEDROCK; without one, SigV4 with the credential chain
  std::string profile;  // in ~/.aws; "" for AWS_PROFILE
  std::string guardrail_id;  // "" for none
  std::string guardrail_version;  // "1", "DRAFT"
};
BOOST_DESCRIBE_STRUCT(BedrockOptions, (), (region, base_url, api_key, profile, guardrail_id, guardrail_version))

// Throws Error{validation_error} naming the option that cannot be used. Connects to nothing yet.
std::unique_ptr<Provider> make_bedrock(const Model& model, const BedrockOptions& options,
                                       const ProviderDependencies& dependencies);

}  // namespace llm
