#include "aws/xml.hpp"

#include <charconv>
#include <vector>

namespace aws {
namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static constexpr unsigned kFirst[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kFirst[more] | code >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
}

// `name` is what stands between '&' and ';'. False: no entity that is known.
bool append_entity(std::string& out, std::string_view name) {
  static constexpr std::pair<std::string_view, char> kNamed[] = {
      {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [known, character] : kNamed) {
    if (name == known) {
      out += character;
      return true;
    }
  }
  if (!name.starts_with('#')) return false;
  const bool hex = name.starts_with("#x");
  name.remove_prefix(hex ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
  const bool character = code > 0 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  if (failed != std::errc() || end != name.data() + name.size() || !character) return false;
  append_utf8(out, code);
  return true;
}

void append_text(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto end = text[i] == '&' ? text.find(';', i) : text.npos;
    if (end != text.npos && end - i <= 10 && append_entity(out, text.substr(i + 1, end - i - 1))) {
      i = end;
    } else {
      out += text[i];
    }
  }
}

// The bytes up to and with `end`; all of them when it is missing.
std::size_t length_to(std::string_view text, std::string_view end) {
  const auto at = text.find(end);
  return at == text.npos ? text.size() : at + end.size();
}

// The length of a tag, whose attributes may hold '>' in quotes.
std::size_t tag_length(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == '>') {
      return i + 1;
    }
  }
  return text.size();
}

// "<ns:Name a='b'>" -> "Name"
std::string_view local_name(std::string_view tag) {
  tag.remove_prefix(tag.starts_with("</") ? 2 : 1);
  const auto name = tag.substr(0, tag.find_first_of(" \t\r\n/>"));
  const auto colon = name.find(':');
  return colon == name.npos ? name : name.substr(colon + 1);
}

// Where we stand, as elements open and close.
class Walk {
 public:
  explicit Walk(std::initializer_list<std::string_view> path) : path_(path) {}

  bool is_inside() const { return matched_.size() == path_.size() && matched_.back() == depth_; }
  void open(std::string_view name) {
    ++depth_;
    if (matched_.size() < path_.size() && path_[matched_.size()] == name) matched_.push_back(depth_);
  }
  // True when the element asked for has ended.
  bool close() {
    const bool whole = is_inside();
    if (!matched_.empty() && matched_.back() == depth_) matched_.pop_back();
    --depth_;
    return whole;
  }

 private:
  const std::vector<std::string_view> path_;
  std::vector<int> matched_;  // the depth of the element for each name of the path that was met
  int depth_ = 0;
};

}  // namespace

std::optional<std::string> xml_text(std::string_view document, std::initializer_list<std::string_view> path) {
  Walk walk(path);
  std::string text;
  while (!document.empty()) {
    std::size_t size = 0;
    if (document.front() != '<') {
      size = std::min(document.find('<'), document.size());
      if (walk.is_inside()) append_text(text, document.substr(0, size));
    } else if (document.starts_with("<![CDATA[")) {
      size = length_to(document, "]]>");
      if (walk.is_inside() && size >= 12) text += document.substr(9, size - 12);
    } else if (document.starts_with("<!--")) {
      size = length_to(document, "-->");
    } else if (document.starts_with("<?")) {
      size = length_to(document, "?>");
    } else {
      size = tag_length(document);
      const auto tag = document.substr(0, size);
      const bool ends = tag.starts_with("</");
      if (!ends && !tag.starts_with("<!")) walk.open(local_name(tag));
      if ((ends || tag.ends_with("/>")) && walk.close()) return text;
    }
    document.remove_prefix(size);
  }
  return std::nullopt;
}

}  // namespace aws
