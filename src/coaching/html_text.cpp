#include "coaching/html_text.hpp"

#include <gumbo.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <memory>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"

namespace coaching {
namespace {

constexpr int kDeepest = 400;  // elements inside each other; a page made to exhaust the stack has more
constexpr std::size_t kMostHeadings = 60;
constexpr std::size_t kMostLinks = 100;
constexpr std::size_t kLongestLine = 400;  // of a title, a heading, a link's text

// Gumbo takes as much memory and time as a page asks for: a few unclosed <b> before many <p> give millions of elements,
// and each tag is compared with all that are open. So its memory comes from here and ends at a bound, and pages that
// nest without end are not given to it.
constexpr std::size_t kMostMemory = 96UL * 1024 * 1024;
constexpr int kMostOpen = 1'500;

class Arena {
 public:
  std::jmp_buf full;  // where to go on when the bound is reached: gumbo is C and knows no failure

  void* take(std::size_t size) {
    size = (size + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
    if (size > left_) {
      const auto piece = std::max(size, kPiece);
      if (taken_ + piece > kMostMemory) std::longjmp(full, 1);
      pieces_.push_back(std::make_unique_for_overwrite<std::byte[]>(piece));
      taken_ += piece;
      next_ = pieces_.back().get();
      left_ = piece;
    }
    auto* place = next_;
    next_ += size;
    left_ -= size;
    return place;
  }

 private:
  static constexpr std::size_t kPiece = 256UL * 1024;
  std::vector<std::unique_ptr<std::byte[]>> pieces_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t taken_ = 0;
};

// The tree lives in the arena; nullptr when it did not fit. Nothing here may have a destructor: longjmp runs none.
const GumboNode* parse(Arena& arena, const char* text, std::size_t size) {
  auto options = kGumboDefaultOptions;
  options.max_errors = 0;
  options.userdata = &arena;
  options.allocator = [](void* from, std::size_t bytes) { return static_cast<Arena*>(from)->take(bytes); };
  options.deallocator = [](void*, void*) {};
  if (setjmp(arena.full) != 0) return nullptr;
  const auto* output = gumbo_parse_with_options(&options, text, size);
  return output != nullptr ? output->root : nullptr;
}

// How many elements are open at once, as far as the text tells: elements whose end may be left out do not count.
int deepest(std::string_view html) {
  static constexpr std::array<std::string_view, 26> kUncounted{
      "p",    "li",   "dt",   "dd",  "td",    "th",     "tr",    "option", "br",    "img",   "hr",    "input", "meta",
      "link", "area", "base", "col", "embed", "source", "track", "wbr",    "tbody", "thead", "tfoot", "param", "html"};
  int open = 0;
  int most = 0;
  for (auto at = html.find('<'); at != html.npos; at = html.find('<', at + 1)) {
    const bool closes = at + 1 < html.size() && html[at + 1] == '/';
    const auto begin = at + (closes ? 2 : 1);
    const auto end = html.find_first_of(" \t\r\n/>", begin);
    const auto name = base::to_lower(html.substr(begin, std::min(end, html.size()) - begin));
    if (name.empty() || name[0] < 'a' || name[0] > 'z' || std::ranges::find(kUncounted, name) != kUncounted.end())
      continue;
    open = std::max(open + (closes ? -1 : 1), 0);
    most = std::max(most, open);
  }
  return most;
}

bool is_one_of(GumboTag tag, std::initializer_list<GumboTag> tags) {
  return std::ranges::find(tags, tag) != tags.end();
}

bool is_left_out(GumboTag tag) {
  return is_one_of(tag, {GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_NOSCRIPT, GUMBO_TAG_TEMPLATE, GUMBO_TAG_SVG,
                         GUMBO_TAG_MATH, GUMBO_TAG_IFRAME, GUMBO_TAG_OBJECT, GUMBO_TAG_SELECT, GUMBO_TAG_TEXTAREA,
                         GUMBO_TAG_BUTTON, GUMBO_TAG_HEAD, GUMBO_TAG_CANVAS, GUMBO_TAG_AUDIO, GUMBO_TAG_VIDEO});
}

bool is_inline(GumboTag tag) {
  return is_one_of(tag,
                   {GUMBO_TAG_A,    GUMBO_TAG_ABBR, GUMBO_TAG_B,     GUMBO_TAG_BDI,    GUMBO_TAG_BDO,  GUMBO_TAG_CITE,
                    GUMBO_TAG_CODE, GUMBO_TAG_DATA, GUMBO_TAG_DFN,   GUMBO_TAG_EM,     GUMBO_TAG_FONT, GUMBO_TAG_I,
                    GUMBO_TAG_KBD,  GUMBO_TAG_MARK, GUMBO_TAG_Q,     GUMBO_TAG_S,      GUMBO_TAG_SAMP, GUMBO_TAG_SMALL,
                    GUMBO_TAG_SPAN, GUMBO_TAG_SUB,  GUMBO_TAG_SUP,   GUMBO_TAG_STRONG, GUMBO_TAG_TIME, GUMBO_TAG_U,
                    GUMBO_TAG_VAR,  GUMBO_TAG_WBR,  GUMBO_TAG_LABEL, GUMBO_TAG_IMG});
}

bool is_heading(GumboTag tag) { return is_one_of(tag, {GUMBO_TAG_H1, GUMBO_TAG_H2, GUMBO_TAG_H3, GUMBO_TAG_H4}); }

std::string_view attribute(const GumboElement& element, const char* name) {
  const auto* found = gumbo_get_attribute(&element.attributes, name);
  return found != nullptr ? std::string_view(found->value) : std::string_view();
}

bool is_hidden(const GumboElement& element) {
  if (gumbo_get_attribute(&element.attributes, "hidden") != nullptr) return true;
  if (attribute(element, "aria-hidden") == "true") return true;
  const auto style = base::to_lower(attribute(element, "style"));
  return style.find("display:none") != style.npos || style.find("display: none") != style.npos;
}

// Words with single spaces between them; control characters count as spaces.
std::string folded(std::string_view text) {
  std::string out;
  bool gap = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool no_break_space = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) == 0xa0;
    if (c <= ' ' || c == 0x7f || no_break_space) {
      gap = !out.empty();
      i += no_break_space ? 1 : 0;
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out += text[i];
  }
  return out;
}

std::string line_of(std::string_view text) {
  return std::string(base::trim(base::prefix_bytes(folded(text), kLongestLine)));
}

class Reader {
 public:
  Reader(PageText& page, std::size_t most_bytes) : page_(page), most_bytes_(most_bytes) {}

  void read(const GumboNode& node, int depth) {
    if (page_.cut || depth > kDeepest) return;
    switch (node.type) {
      case GUMBO_NODE_TEXT:
      case GUMBO_NODE_CDATA:
      case GUMBO_NODE_WHITESPACE: line_ += node.v.text.text; return;
      case GUMBO_NODE_DOCUMENT: return children(node.v.document.children, depth);
      case GUMBO_NODE_ELEMENT: return element(node.v.element, depth);
      default: return;
    }
  }

  void end_line() {
    const auto text = folded(line_);
    line_.clear();
    if (text.empty()) return;
    if (page_.text.size() + text.size() + 1 > most_bytes_) {
      page_.cut = true;
      page_.text += base::prefix_bytes(text, most_bytes_ - std::min(most_bytes_, page_.text.size()));
      return;
    }
    page_.text += text;
    page_.text += '\n';
  }

 private:
  void children(const GumboVector& nodes, int depth) {
    for (unsigned i = 0; i < nodes.length; ++i) read(*static_cast<const GumboNode*>(nodes.data[i]), depth + 1);
  }

  void element(const GumboElement& element, int depth) {
    if (is_left_out(element.tag) || is_hidden(element)) return;
    if (element.tag == GUMBO_TAG_NAV) return links_only(element, depth);
    const bool block = !is_inline(element.tag);
    if (block) end_line();
    const auto begin = line_.size();
    if (element.tag == GUMBO_TAG_IMG) line_.append(" ").append(attribute(element, "alt")).append(" ");
    children(element.children, depth);
    if (element.tag == GUMBO_TAG_A) link(element, line_.substr(std::min(begin, line_.size())));
    if (is_heading(element.tag) && page_.headings.size() < kMostHeadings) {
      if (auto text = line_of(line_); !text.empty()) page_.headings.push_back(std::move(text));
    }
    if (block) end_line();
  }

  // What a menu says is no content, but where it leads is worth knowing.
  void links_only(const GumboElement& element, int depth) {
    PageText menu;
    Reader inside(menu, 10'000);
    inside.children(element.children, depth);
    inside.end_line();
    for (auto& found : menu.links) {
      if (page_.links.size() < kMostLinks) page_.links.push_back(std::move(found));
    }
  }

  void link(const GumboElement& element, std::string_view text) {
    const auto href = attribute(element, "href");
    if (href.empty() || href.size() > 2'000 || page_.links.size() >= kMostLinks) return;
    page_.links.push_back({line_of(text), std::string(href)});
  }

  PageText& page_;
  std::size_t most_bytes_;
  std::string line_;
};

// The name of an organization in JSON-LD: {"@type": "Organization", "name": …}, alone, in a list or under "@graph".
std::string organization_name(const base::json::value& value, int depth = 0) {
  if (depth > 6) return {};
  if (const auto* list = value.if_array()) {
    for (const auto& entry : *list) {
      if (auto name = organization_name(entry, depth + 1); !name.empty()) return name;
    }
    return {};
  }
  const auto* object = value.if_object();
  if (object == nullptr) return {};
  const auto* type = object->if_contains("@type");
  const auto* name = object->if_contains("name");
  if (type != nullptr && type->is_string() && name != nullptr && name->is_string()) {
    const std::string_view kind = type->get_string();
    const bool firm = kind.ends_with("Organization") || kind.ends_with("Business") || kind == "Corporation" ||
                      kind == "WebSite" || kind.ends_with("Store") || kind == "Restaurant" || kind == "Bakery";
    if (firm) return line_of(std::string_view(name->get_string()));
  }
  const auto* graph = object->if_contains("@graph");
  return graph != nullptr ? organization_name(*graph, depth + 1) : std::string();
}

void read_meta(const GumboElement& element, PageText& page) {
  const auto content = attribute(element, "content");
  const auto name = base::to_lower(attribute(element, "name"));
  const auto property = base::to_lower(attribute(element, "property"));
  if (name == "description") page.description = line_of(content);
  if (property == "og:description" && page.description.empty()) page.description = line_of(content);
  if (property == "og:site_name") page.site_name = line_of(content);
}

void read_json_ld(const GumboElement& element, PageText& page) {
  if (attribute(element, "type") != "application/ld+json" || element.children.length == 0) return;
  const auto& child = *static_cast<const GumboNode*>(element.children.data[0]);
  if (child.type != GUMBO_NODE_TEXT || !page.site_name.empty()) return;
  base::json::error_code failed;
  const auto value = base::json::parse(child.v.text.text, failed);
  if (!failed) page.site_name = organization_name(value);
}

// Titles, descriptions and JSON-LD, wherever they stand.
void read_facts(const GumboNode& node, PageText& page, int depth) {
  if (node.type != GUMBO_NODE_ELEMENT || depth > kDeepest) return;
  const auto& element = node.v.element;
  if (element.tag == GUMBO_TAG_HTML) page.language = line_of(attribute(element, "lang"));
  if (element.tag == GUMBO_TAG_META) read_meta(element, page);
  if (element.tag == GUMBO_TAG_BASE && page.base_href.empty()) page.base_href = attribute(element, "href");
  if (element.tag == GUMBO_TAG_SCRIPT) return read_json_ld(element, page);
  if (element.tag == GUMBO_TAG_TITLE && page.title.empty() && element.children.length > 0) {
    const auto& child = *static_cast<const GumboNode*>(element.children.data[0]);
    if (child.type == GUMBO_NODE_TEXT) page.title = line_of(child.v.text.text);
  }
  for (unsigned i = 0; i < element.children.length; ++i) {
    read_facts(*static_cast<const GumboNode*>(element.children.data[i]), page, depth + 1);
  }
}

void append_code_point(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// https://encoding.spec.whatwg.org/#legacy-single-byte-encodings: browsers read ISO-8859-1 by the same table.
std::string from_windows_1252(std::string_view bytes) {
  static constexpr std::array<unsigned, 32> kHigh{0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                                  0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
                                                  0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                  0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append_code_point(out, byte >= 0x80 && byte < 0xa0 ? kHigh[byte - 0x80U] : byte);
  }
  return out;
}

std::string well_formed(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto length = base::utf8_sequence_length(bytes);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      bytes.remove_prefix(1);
    } else {
      out += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace

PageText read_html(std::string_view html, std::size_t most_bytes) {
  PageText page;
  const auto text = well_formed(html);
  page.cut = true;
  if (deepest(text) > kMostOpen) return page;
  Arena arena;
  const auto* root = parse(arena, text.data(), text.size());
  if (root == nullptr) return page;
  page.cut = false;
  read_facts(*root, page, 0);
  Reader reader(page, most_bytes);
  reader.read(*root, 0);
  reader.end_line();
  return page;
}

std::string to_utf8(std::string_view bytes, std::string_view charset) {
  const auto name = base::to_lower(charset);
  const bool single_byte =
      name == "iso-8859-1" || name == "latin1" || name == "windows-1252" || name == "cp1252" || name == "us-ascii";
  if (single_byte || !base::is_utf8(bytes)) {
    if (single_byte) return from_windows_1252(bytes);
    return name == "utf-8" ? well_formed(bytes) : from_windows_1252(bytes);
  }
  return std::string(bytes);
}

std::string charset_in(std::string_view html) {
  const auto head = base::to_lower(html.substr(0, 1024));
  const auto at = head.find("charset=");
  if (at == head.npos) return {};
  auto rest = std::string_view(head).substr(at + 8);
  if (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) rest.remove_prefix(1);
  return std::string(rest.substr(0, rest.find_first_of("\"'; />\t\r\n")));
}

}  // namespace coaching
