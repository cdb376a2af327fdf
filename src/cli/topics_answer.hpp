#pragma once
// `purposepath topics answer FOLDER`: what the offline coach says to a request, for authors of analyses.
#include <string>

namespace cli {

// `request` is a file with the request's body, "-" for standard input, "" for the topic's example. Prints JSON.
int answer_topic(const std::string& folder, const std::string& request);

}  // namespace cli
