#pragma once
// A model by OpenAI's protocol: OpenAI itself, Azure, and Ollama, llama.cpp, vLLM and the like.
#include <boost/describe.hpp>
#include <memory>
#include <string>

#include "base/text.hpp"
#include "llm/catalogue.hpp"
#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"

namespace llm {

struct OpenAiOptions {
  std::string base_url = "https://api.openai.com/v1";
  base::Secret api_key;
  std::string organization;      // OpenAI-Organization
  std::string project;           // OpenAI-Project
  bool store = false;            // whether OpenAI may keep the conversation; other servers are not asked
};
BOOST_DESCRIBE_STRUCT(OpenAiOptions, (), (base_url, api_key, organization, project, store))

struct AzureOptions {
  std::string base_url;     // https://NAME.openai.azure.com; required
  base::Secret api_key;     // sent as api-key
  std::string api_version;  // "" for the v1 routes, which need none; else the dated form, "2024-10-21" for one
};
BOOST_DESCRIBE_STRUCT(AzureOptions, (), (base_url, api_key, api_version))

struct CompatibleOptions {
  std::string base_url;  // an Ollama of one's own: http://localhost:11434/v1; required
  base::Secret api_key;  // may be empty
};
BOOST_DESCRIBE_STRUCT(CompatibleOptions, (), (base_url, api_key))

// What the catalogue does not say of a model of OpenAI's, told by the vendor's name for it: reasoning models (o…, gpt-5 and
// later, and Azure's deployments that are called like them) refuse a temperature and "max_tokens", some of them chat
// completions, and need room for their thoughts. The price and the context stay as in Model.
Model openai_defaults(Vendor vendor, std::string_view id);

// Throw Error{validation_error} naming the option that cannot be used. Connect to nothing yet.
std::unique_ptr<Provider> make_openai(const Model& model, const OpenAiOptions& options,
                                      const ProviderDependencies& dependencies);
std::unique_ptr<Provider> make_azure(const Model& model, const AzureOptions& options,
                                     const ProviderDependencies& dependencies);
std::unique_ptr<Provider> make_compatible(const Model& model, const CompatibleOptions& options,
                                          const ProviderDependencies& dependencies);

}  // namespace llm
