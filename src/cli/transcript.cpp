#include "cli/transcript.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "base/text.hpp"

namespace cli {
namespace {

constexpr std::string_view kTopicNote = "Topic:";

}  // namespace

Transcript parse_transcript(std::string_view text, std::string_view origin) {
  Transcript transcript;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = base::trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!base::is_utf8(line)) {
      throw base::Error(base::Code::validation_error, fmt::format("{}:{}: is not UTF-8", origin, number));
    }
    if (line.empty()) continue;
    if (!line.starts_with('#')) {
      transcript.messages.emplace_back(line);
    } else if (const auto at = line.find(kTopicNote); at != std::string_view::npos) {
      const auto rest = base::trim(line.substr(at + kTopicNote.size()));
      transcript.topic = rest.substr(0, rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"));
    }
  }
  if (transcript.messages.empty()) {
    throw base::Error(base::Code::validation_error, fmt::format("{}: holds no message: write one a line", origin));
  }
  return transcript;
}

Transcript read_transcript(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw base::Error(base::Code::validation_error, fmt::format("{}: this script cannot be read", path.string()));
  }
  return parse_transcript(std::string(std::istreambuf_iterator<char>(file), {}), path.string());
}

}  // namespace cli
