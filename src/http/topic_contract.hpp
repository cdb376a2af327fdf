#pragma once
// The OpenAPI document as it is shown: with a path for each analysis, made of its topic. Requests are checked against the
// generic path and, by coaching, against the topic's live version.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coaching/topic.hpp"

namespace http {

// `openapi` as JSON; returns it with the analyses among `topics`.
std::string with_topic_paths(std::string_view openapi,
                             const std::vector<std::shared_ptr<const coaching::Topic>>& topics);

}  // namespace http
