#pragma once
// A model by OpenAI's protocol (/v1/chat/completions): OpenAI itself, and Ollama, llama.cpp, vLLM and the like.
#include <boost/describe.hpp>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/text.hpp"
#include "llm/provider.hpp"
#include "llm/retry.hpp"

namespace net {
class HttpClient;
}
namespace telemetry {
class Log;
class Registry;
}  // namespace telemetry

namespace llm {

struct OpenAiOptions {
  std::string base_url = "https://api.openai.com/v1";  // an Ollama of one's own: http://localhost:11434/v1
  base::Secret api_key;          // may be empty for a server of one's own
  std::string model;             // required
  std::string token_parameter;   // "max_tokens" or "max_completion_tokens"; "" decides by the host
  std::string organization;      // OpenAI-Organization
  std::string project;           // OpenAI-Project
  bool store = false;            // whether OpenAI may keep the conversation; other servers are not asked
  RetryOptions retry;
};
BOOST_DESCRIBE_STRUCT(OpenAiOptions, (),
                      (base_url, api_key, model, token_parameter, organization, project, store, retry))

// What a provider needs from outside; all of it outlives the provider.
struct ProviderDependencies {
  net::HttpClient& http;
  const base::Clock& clock;
  base::Random& random;
  telemetry::Log& log;
  telemetry::Registry& metrics;
};

// Throws Error{validation_error} naming the option that cannot be used. Connects to nothing yet.
std::unique_ptr<Provider> make_openai(OpenAiOptions options, const ProviderDependencies& dependencies);

}  // namespace llm
