#include "llm/providers.hpp"

#include "base/error.hpp"
#include "llm/offline.hpp"

namespace llm {

std::unique_ptr<Provider> make_provider(const Model& model, const LlmOptions& options,
                                        const ProviderDependencies& dependencies) {
  switch (model.vendor) {
    case Vendor::offline: return make_offline_coach();
    case Vendor::openai: return make_openai(model, options.openai, dependencies);
    case Vendor::azure: return make_azure(model, options.azure, dependencies);
    case Vendor::compatible: return make_compatible(model, options.compatible, dependencies);
    case Vendor::anthropic: return make_anthropic(model, options.anthropic, dependencies);
    case Vendor::gemini: return make_gemini(model, options.gemini, dependencies);
    case Vendor::bedrock: return make_bedrock(model, options.bedrock, dependencies);
  }
  throw base::Error(base::Code::internal_error, "a vendor without a provider");
}

}  // namespace llm
