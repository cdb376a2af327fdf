#include "llm/provider.hpp"

namespace llm {

std::int64_t estimate_tokens(std::string_view text) { return static_cast<std::int64_t>((text.size() + 3) / 4); }

}  // namespace llm
