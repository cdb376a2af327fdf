#pragma once
// How versions of topics lie in the store. A partition holds a scope's pointers, so that one query tells all that is live;
// another one the versions of one topic, their files in items of their own.
#include <fmt/format.h>

#include "coaching/records.hpp"
#include "coaching/topic_versions.hpp"

namespace coaching {

inline store::Key pointer_key(std::string_view scope, std::string_view id) {
  return {fmt::format("topics#{}", key_part(scope)), std::string(id)};
}
inline store::Key version_key(const TopicRef& ref) {
  return {fmt::format("topic#{}#{}", key_part(ref.scope), ref.id), fmt::format("v#{:010}", ref.version)};
}
inline store::Key files_key(const TopicRef& ref) {
  return {version_key(ref).partition, fmt::format("f#{:010}", ref.version)};
}

struct SplitFiles {
  TopicFiles files;
  TopicFiles shared;
};
// "_shared/conduct.md" is the shared "conduct.md".
SplitFiles split_shared(const TopicFiles& files);

}  // namespace coaching
