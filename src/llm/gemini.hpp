#pragma once
// A model by Google's Gemini API: generateContent and streamGenerateContent (https://ai.google.dev/api/generate-content).
#include <boost/describe.hpp>
#include <memory>
#include <string>

#include "base/text.hpp"
#include "llm/catalogue.hpp"
#include "llm/provider.hpp"
#include "llm/vendor_call.hpp"

namespace llm {

struct GeminiOptions {
  std::string base_url = "https://generativelanguage.googleapis.com/v1beta";
  base::Secret api_key;  // sent as x-goog-api-key, never in the URL
};
BOOST_DESCRIBE_STRUCT(GeminiOptions, (), (base_url, api_key))

// Throws Error{validation_error} naming the option that cannot be used. Connects to nothing yet.
std::unique_ptr<Provider> make_gemini(const Model& model, const GeminiOptions& options,
                                      const ProviderDependencies& dependencies);

}  // namespace llm
