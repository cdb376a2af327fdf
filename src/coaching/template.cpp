#include "coaching/template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/json.hpp"

namespace coaching {
namespace json = boost::json;

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view strip(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The parts of a dotted name; nothing when it is not one.
std::vector<std::string> split_name(std::string_view name) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto dot = std::min(name.find('.', begin), name.size());
    const auto part = name.substr(begin, dot - begin);
    if (part.empty() || !std::all_of(part.begin(), part.end(), is_name_character)) return {};
    parts.emplace_back(part);
    begin = dot + 1;
  }
  return parts;
}

}  // namespace

class TemplateCompiler {
 public:
  TemplateCompiler(std::string_view text, Template& out) : text_(text), out_(out) {}

  void run() {
    if (text_.size() > kMaxTemplateBytes) fail(1, fmt::format("larger than {} KB", kMaxTemplateBytes / 1024));
    for (auto open = text_.find("{{"); open != std::string_view::npos; open = text_.find("{{", at_)) take_tag(open);
    add_text(at_, text_.size());
    if (!sections_.empty()) {
      const auto& section = out_.nodes_[sections_.back()];
      fail(section.line, fmt::format("the section '{}' is never closed", section.text));
    }
  }

 private:
  using Kind = Template::Node::Kind;

  [[noreturn]] void fail(std::size_t line, std::string_view what) const {
    throw base::Error(base::Code::validation_error, fmt::format("{}:{}: {}", out_.name_, line, what));
  }

  std::size_t line_at(std::size_t position) {
    line_ += static_cast<std::size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(counted_),
                                                 text_.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
    counted_ = position;
    return line_;
  }

  void add_text(std::size_t begin, std::size_t end) {
    if (end > begin) out_.nodes_.push_back({Kind::text, std::string(text_.substr(begin, end - begin)), {}, 0, 0});
  }

  void take_tag(std::size_t open) {
    const auto line = line_at(open);
    const bool triple = text_.substr(open).starts_with("{{{");
    const std::string_view closing = triple ? "}}}" : "}}";
    const auto inside = open + closing.size();
    const auto close = text_.find(closing, inside);
    if (close == std::string_view::npos) fail(line, "a tag is never closed: '}}' is missing");
    const auto content = strip(text_.substr(inside, close - inside));
    const char sigil = triple || content.empty() ? '\0' : content.front();
    const auto end = close + closing.size();
    switch (sigil) {
      case '!': skip_line_of_its_own(open, end); break;
      case '#':
      case '^':
        skip_line_of_its_own(open, end);
        open_section(sigil == '#' ? Kind::section : Kind::inverted, strip(content.substr(1)), line);
        break;
      case '/':
        skip_line_of_its_own(open, end);
        close_section(strip(content.substr(1)), line);
        break;
      case '>':
      case '<':
      case '$':
      case '=': fail(line, fmt::format("'{{{{{}' tags are not part of this template language", sigil));
      default:
        add_text(at_, open);
        at_ = end;
        add_name(Kind::variable, sigil == '&' ? strip(content.substr(1)) : content, line);
    }
  }

  // A tag that renders nothing and stands alone on its line takes the line with it.
  void skip_line_of_its_own(std::size_t open, std::size_t end) {
    auto before = open;
    while (before > at_ && is_blank(text_[before - 1])) --before;
    auto after = end;
    while (after < text_.size() && is_blank(text_[after])) ++after;
    const bool starts = before == 0 || text_[before - 1] == '\n';
    const bool crlf = text_.substr(after).starts_with("\r\n");
    const bool ends = after == text_.size() || text_[after] == '\n' || crlf;
    if (starts && ends) {
      open = before;
      end = std::min(text_.size(), after + (crlf ? 2 : 1));
    }
    add_text(at_, open);
    at_ = end;
  }

  void add_name(Kind kind, std::string_view name, std::size_t line) {
    auto path = name == "." ? std::vector<std::string>{} : split_name(name);
    if (name != "." && path.empty()) {
      fail(line, fmt::format("'{}' is not a variable's name", name.substr(0, 60)));
    }
    out_.nodes_.push_back({kind, std::string(name), std::move(path), line, 0});
  }

  void open_section(Kind kind, std::string_view name, std::size_t line) {
    if (sections_.size() >= kMaxSectionDepth) fail(line, "sections are nested too deeply");
    add_name(kind, name, line);
    sections_.push_back(out_.nodes_.size() - 1);
  }

  void close_section(std::string_view name, std::size_t line) {
    if (sections_.empty()) fail(line, fmt::format("'{}' is closed but was never opened", name.substr(0, 60)));
    auto& section = out_.nodes_[sections_.back()];
    if (section.text != name) {
      fail(line,
           fmt::format("'{}' is closed where '{}' of line {} is open", name.substr(0, 60), section.text, section.line));
    }
    section.end = out_.nodes_.size();
    sections_.pop_back();
  }

  std::string_view text_;
  Template& out_;
  std::size_t at_ = 0;       // everything before is in nodes
  std::size_t counted_ = 0;  // everything before is in line_
  std::size_t line_ = 1;
  std::vector<std::size_t> sections_;  // open ones, as indices of nodes
};

namespace {

const json::value kNothing;

// Prompts put data between lines of "<<<" and ">>>": what people write must not be able to close them.
void append_text(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto mark = std::min(text.find("<<<", at), text.find(">>>", at));
    if (mark == std::string_view::npos) {
      out += text.substr(at);
      return;
    }
    out += text.substr(at, mark + 2 - at);
    at = mark;
    while (at < text.size() && text[at] == text[mark]) ++at;
  }
}

bool is_blank(const json::value& value) {
  if (const auto* list = value.if_array()) return list->empty();
  if (const auto* object = value.if_object()) return object->empty();
  return value.is_null() || (value.is_string() && value.get_string().empty());
}

void append_scalar(std::string& out, const json::value& value) {
  if (const auto* text = value.if_string()) {
    append_text(out, *text);
  } else {
    out += value.is_bool() ? std::string(value.get_bool() ? "true" : "false") : base::write_json(value);
  }
}

// As a person would write it down: an entry a line behind "- ", members as "core values: …", what is inside indented.
void append_structure(std::string& out, const json::value& value, std::size_t depth) {
  const auto begin_line = [&](std::string_view lead) {
    if (!out.empty() && !out.ends_with('\n') && !out.ends_with("- ")) out += '\n';
    if (!out.ends_with("- ")) out.append(depth * 2, ' ');
    out += lead;
  };
  if (const auto* list = value.if_array()) {
    for (const auto& element : *list) {
      if (is_blank(element)) continue;
      begin_line("- ");
      if (element.is_structured()) {
        append_structure(out, element, depth + 1);
      } else {
        append_scalar(out, element);
      }
    }
    return;
  }
  for (const auto& [name, member] : value.get_object()) {
    if (is_blank(member)) continue;
    begin_line("");
    std::string label(name);
    std::replace(label.begin(), label.end(), '_', ' ');
    append_text(out, label);
    out += ':';
    if (member.is_structured()) {
      out += '\n';
      append_structure(out, member, depth + 1);
    } else {
      out += ' ';
      append_scalar(out, member);
    }
  }
}

}  // namespace

class TemplateRenderer {
 public:
  TemplateRenderer(const Template& source, std::string& out) : source_(source), out_(out) {}

  void push(const json::value& value) { stack_.push_back(&value); }

  void range(std::size_t begin, std::size_t end) {
    for (auto i = begin; i < end;) {
      const auto& node = source_.nodes_[i];
      if (node.kind == Kind::text) {
        out_ += node.text;
        ++i;
      } else if (node.kind == Kind::variable) {
        append(find(node));
        ++i;
      } else {
        section(node, i + 1);
        i = node.end;
      }
    }
  }

 private:
  using Kind = Template::Node::Kind;

  [[noreturn]] void fail(const Template::Node& node, std::string_view what) const {
    throw base::Error(base::Code::internal_error, fmt::format("the prompt cannot be made: {}:{}: the variable '{}' {}",
                                                              source_.name_, node.line, node.text, what));
  }

  // The first part is looked up from the innermost section outwards, the rest inside what was found.
  const json::value& find(const Template::Node& node) const {
    if (node.path.empty()) return *stack_.back();
    for (auto scope = stack_.rbegin(); scope != stack_.rend(); ++scope) {
      const auto* object = (*scope)->if_object();
      const auto* value = object == nullptr ? nullptr : object->if_contains(node.path.front());
      if (value != nullptr) return inside(*value, node);
    }
    // Inside an object of somebody else's a member may be missing: which ones are there is not the template's to say.
    const auto is_data = [](const json::value* scope) { return scope->is_object(); };
    if (std::any_of(stack_.begin() + 1, stack_.end(), is_data)) return kNothing;
    fail(node, "is not defined");
  }

  const json::value& inside(const json::value& from, const Template::Node& node) const {
    const auto* value = &from;
    for (std::size_t i = 1; i < node.path.size() && !value->is_null(); ++i) {
      const auto* object = value->if_object();
      if (object == nullptr) fail(node, "is not defined");
      value = object->if_contains(node.path[i]);
      if (value == nullptr) return kNothing;
    }
    return *value;
  }

  void append(const json::value& value) {
    switch (value.kind()) {
      case json::kind::null: break;
      case json::kind::string: append_text(out_, value.get_string()); break;
      case json::kind::bool_: out_ += value.get_bool() ? "true" : "false"; break;
      case json::kind::int64: fmt::format_to(std::back_inserter(out_), "{}", value.get_int64()); break;
      case json::kind::uint64: fmt::format_to(std::back_inserter(out_), "{}", value.get_uint64()); break;
      case json::kind::double_: fmt::format_to(std::back_inserter(out_), "{}", value.get_double()); break;
      default: append_structure(out_, value, 0); break;
    }
  }

  static bool counts_as_absent(const json::value& value) {
    if (const auto* list = value.if_array()) return list->empty();
    if (const auto* text = value.if_string()) return text->empty();
    return value.is_null() || (value.is_bool() && !value.get_bool());
  }

  void section(const Template::Node& node, std::size_t begin) {
    const auto& value = find(node);
    if (counts_as_absent(value) != (node.kind == Kind::inverted)) return;
    const auto* list = node.kind == Kind::section ? value.if_array() : nullptr;
    if (list == nullptr) return scoped(value, begin, node.end);
    for (const auto& element : *list) scoped(element, begin, node.end);
  }

  void scoped(const json::value& value, std::size_t begin, std::size_t end) {
    stack_.push_back(&value);
    range(begin, end);
    stack_.pop_back();
  }

  const Template& source_;
  std::string& out_;
  std::vector<const json::value*> stack_;
};

Template::Template(std::string_view text, std::string name) : name_(std::move(name)) {
  TemplateCompiler(text, *this).run();
}

std::string Template::render(const json::value& values) const {
  std::string out;
  std::size_t literal = 0;
  for (const auto& node : nodes_) literal += node.kind == Node::Kind::text ? node.text.size() : 64;
  out.reserve(literal);
  TemplateRenderer renderer(*this, out);
  renderer.push(values);
  renderer.range(0, nodes_.size());
  // A prompt lives as long as its model answers, and thousands may be under way.
  if (out.capacity() > out.size() + 1024) out.shrink_to_fit();
  return out;
}

std::vector<TemplateTag> Template::tags() const {
  std::vector<TemplateTag> tags;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    while (!open.empty() && nodes_[open.back()].end <= i) open.pop_back();
    const auto& node = nodes_[i];
    if (node.kind == Node::Kind::text) continue;
    TemplateTag tag{node.text, node.line, {}};
    for (const auto section : open) tag.sections.push_back(nodes_[section].text);
    tags.push_back(std::move(tag));
    if (node.kind != Node::Kind::variable) open.push_back(i);
  }
  return tags;
}

}  // namespace coaching
