#pragma once
// The coachee's side of a conversation as a file.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

struct Transcript {
  std::string topic;                   // from a note "# … Topic: core_values"; "" when no note names one
  std::vector<std::string> messages;  // one a line; empty lines and notes (# …) are left out
};

// Throws base::Error{validation_error} when there is no message or one is not UTF-8, naming `origin` and the line.
Transcript parse_transcript(std::string_view text, std::string_view origin);
Transcript read_transcript(const std::filesystem::path& path);

}  // namespace cli
