#include "cli/transcript.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "cli/wrap.hpp"

namespace cli {
namespace {

constexpr std::string_view kTopicNote = "Topic:";

std::string scalar_text(const base::json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  return value.is_string() ? std::string(value.get_string()) : base::write_json(value);
}

bool is_plain(const base::json::value& value) { return !value.is_object() && !value.is_array(); }

bool is_empty(const base::json::value& value) {
  return value.is_null() || (value.is_string() && value.get_string().empty()) ||
         (value.is_array() && value.get_array().empty()) || (value.is_object() && value.get_object().empty());
}

class Outline {
 public:
  explicit Outline(std::size_t width) : width_(width) {}

  void add(const base::json::value& value, std::size_t indent) {
    if (value.is_object()) {
      for (const auto& [name, member] : value.get_object()) add_member(name, member, indent);
    } else if (value.is_array()) {
      for (const auto& element : value.get_array()) add_element(element, indent);
    } else {
      line("", scalar_text(value), indent);
    }
  }

  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view start, std::string_view text, std::size_t indent) {
    text_.append(indent, ' ');
    text_ += start;
    // Text goes on under where it began, unless a long heading would squeeze it to the right edge.
    const auto hang = indent + std::min<std::size_t>(columns(start), 4);
    const auto first = indent + columns(start);
    WordWrap words(width_, hang);
    const std::string shift(first - hang, 'x');
    auto wrapped = words.feed(shift + std::string(text));
    wrapped += words.finish();
    text_ += wrapped.substr(shift.size());
    text_ += '\n';
  }

  void add_member(std::string_view name, const base::json::value& member, std::size_t indent) {
    if (is_empty(member)) return;
    if (is_plain(member)) {
      line(label(name) + ": ", scalar_text(member), indent);
    } else {
      line("", label(name), indent);
      add(member, indent + 2);
    }
  }

  void add_element(const base::json::value& element, std::size_t indent) {
    if (is_plain(element)) {
      line("- ", scalar_text(element), indent);
    } else if (element.is_object() && element.get_object().contains("name")) {
      line("* ", scalar_text(element.at("name")), indent);
      for (const auto& [name, member] : element.get_object()) {
        if (name != "name") add_member(name, member, indent + 4);
      }
    } else {
      line("*", "", indent);
      add(element, indent + 4);
    }
  }

  std::size_t width_;
  std::string text_;
};

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

std::string label(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', ' ');
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text;
}

std::string outline(const base::json::value& value, std::size_t width) {
  Outline lines(width);
  lines.add(value, 0);
  return lines.take();
}

}  // namespace cli
