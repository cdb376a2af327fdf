#pragma once
// A coach without a model: rules, the topic's question bank and a lexicon. It answers when no model is configured, and
// says what it is. Everything comes from the Request; the same request always gives the same answer.
#include <memory>

#include "llm/provider.hpp"

namespace llm {

// Any thread. Needs Request::script; throws Error{llm_error} without one, and for an analysis, which rules cannot make.
std::unique_ptr<Provider> make_offline_coach();

}  // namespace llm
