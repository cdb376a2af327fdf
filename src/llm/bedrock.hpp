#pragma once
// A model on Amazon Bedrock: Converse and ConverseStream
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html), signed, or with a bearer key.
#include <boost/describe.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "aws/surroundings.hpp"
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

// complete() makes one try, but for two refusals that end before the model is asked and that it can do something about:
// credentials that have expired are looked for anew, once; and a model that takes no outputConfig gets the schema as a
// tool that it has to call, from then on.
//
// health() is healthy when credentials can be had (a bearer key is believed) and the endpoint answers anything but a
// 5xx. It asks for no model, since that costs money: a model that is not enabled shows in its first call.
class BedrockModel : public Provider {
 public:
  // What the model would read, counted by Bedrock and free of charge; nullopt when it does not count for this model
  // (remembered), among them all Claude models that only inference profiles reach. Throws as complete() does.
  virtual base::Task<std::optional<std::int64_t>> count_tokens(const Request& request) = 0;
};

// The model's region comes before the options', then that of an ARN, AWS_REGION, AWS_DEFAULT_REGION and the profile's.
// Throws Error{validation_error} naming the option that cannot be used. Connects to nothing yet.
std::unique_ptr<BedrockModel> make_bedrock(const Model& model, const BedrockOptions& options,
                                           const ProviderDependencies& dependencies,
                                           const aws::Surroundings& surroundings = aws::surroundings_of_process());

}  // namespace llm
