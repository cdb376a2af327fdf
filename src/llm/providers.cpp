#include "llm/providers.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/error.hpp"
#include "llm/offline.hpp"

namespace llm {
namespace {

constexpr std::array<std::string_view, 2> kProviders{"offline", "openai"};

OpenAiOptions openai_options(const LlmOptions& options) {
  OpenAiOptions out{.api_key = options.api_key,
                    .model = options.model,
                    .token_parameter = options.token_parameter,
                    .organization = options.organization,
                    .project = options.project,
                    .store = options.store,
                    .retry = options.retry};
  if (!options.base_url.empty()) out.base_url = options.base_url;
  return out;
}

}  // namespace

std::unique_ptr<Provider> make_provider(const LlmOptions& options, const ProviderDependencies& dependencies) {
  if (options.provider == "offline") return make_offline_coach();
  if (options.provider == "openai") return make_openai(openai_options(options), dependencies);
  const auto near = base::nearest(options.provider, kProviders);
  throw base::Error(base::Code::validation_error,
                    fmt::format("unknown provider \"{}\"{}; known are offline and openai", options.provider,
                                near.empty() ? "" : fmt::format(" (did you mean {}?)", near)));
}

}  // namespace llm
