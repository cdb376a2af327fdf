#pragma once
// Files that travel inside the binary: the HTTP contract, the topics, the page that shows the contract. tools/embed.cpp
// puts them there at build time; YAML becomes JSON on the way ("topics/goals/topic.yaml" is "topics/goals/topic.json"),
// because parsing YAML at start would cost more than the whole rest of it.
#include <optional>
#include <string_view>
#include <vector>

namespace base {

// Views of read-only memory that live as long as the process. Any thread.
std::optional<std::string_view> embedded(std::string_view path);
// In byte order; "" for all.
std::vector<std::string_view> embedded_names(std::string_view prefix);

}  // namespace base
