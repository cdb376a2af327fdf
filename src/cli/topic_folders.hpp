#pragma once
// Topics as folders, on their way into a service and out of it.
#include <string>
#include <vector>

#include "coaching/topic.hpp"

namespace cli {

// The files of a topic's folder, with the texts it shares as "_shared/…": its own _shared, else the one beside it, else
// none. Throws UsageError when it is no topic's folder.
coaching::TopicFiles read_with_shared(const std::string& folder);
// The folders in `directory` that hold a topic.yaml; `directory` itself when it does.
std::vector<std::string> topic_folders_in(const std::string& directory);

// Writes <directory>/<id>/…; shared texts into <directory>/_shared, or, when that has others already, into the topic's
// own _shared. Throws Error{validation_error} when the folder is there and `overwrite` is not set.
void write_topic(const std::string& directory, const std::string& id, const coaching::TopicFiles& files,
                 bool overwrite);

}  // namespace cli
