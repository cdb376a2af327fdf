#include "llm/gemini.hpp"

#include "base/error.hpp"

namespace llm {

std::unique_ptr<Provider> make_gemini(const Model&, const GeminiOptions&, const ProviderDependencies&) {
  throw base::Error(base::Code::validation_error, "the vendor gemini is not there yet");
}

}  // namespace llm
