#pragma once
// The rule-based coach that answers without a network.
#include <memory>

#include "llm/provider.hpp"

namespace llm {

std::unique_ptr<Provider> make_offline_coach();

}  // namespace llm
