#pragma once
// Prompt templates: Mustache (https://mustache.github.io/mustache.5.html) without what a prompt has no use for. No HTML
// escaping: {{x}}, {{{x}}} and {{&x}} are the same. An undefined variable is an error, never an empty place in a prompt.
// Values are data: what a user wrote is copied, never read as template. No partials, no lambdas, no set-delimiter tags.
//
// Our own two hundred lines, not kainjow's library: that one renders undefined variables as nothing, cannot say which
// variables a template uses or on which line a fault is, drops lines depending on values, leaves the lines of comments
// behind, is not const when it renders, and took 660 us to compile 6 KB where all of the start has 8 ms.
#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coaching {

inline constexpr std::size_t kMaxTemplateBytes = 256 * 1024;
inline constexpr int kMaxSectionDepth = 32;

// A tag that names a variable, for checks: which names are used, where, and inside which sections.
struct TemplateTag {
  std::string name;  // "user_name", "business.purpose", "."
  std::size_t line = 0;  // from 1
  std::vector<std::string> sections;  // enclosing {{#…}} and {{^…}}, outermost first
};

// Compiled once, then never changed: any thread may render.
class Template {
 public:
  Template() = default;  // renders as ""
  // `name` is how errors call it ("goals/system.md"). Throws Error{validation_error} with name and line: unclosed tag
  // or section, wrong nesting, partials, set-delimiter tags, too large, too deep.
  Template(std::string_view text, std::string name);

  // A section runs for each element of a list, once for any other value, and not at all for null, false, "" and []; an
  // inverted one the other way round. A list or an object outside a section is written as readable lines. Throws
  // Error{internal_error} naming variable, line and template when a variable is not in `values`; null counts as there,
  // and so does what is missing in an object or null. Of "<<<" and ">>>" in values two signs are left, so that what
  // people write cannot close the marks that prompts put around it. Never repeats a value in an error.
  std::string render(const boost::json::value& values) const;

  const std::string& name() const { return name_; }
  bool empty() const { return nodes_.empty(); }
  std::vector<TemplateTag> tags() const;

 private:
  struct Node {
    enum class Kind { text, variable, section, inverted };
    Kind kind;
    std::string text;  // what to copy, or the name as written
    std::vector<std::string> path;  // the name at its dots; empty for "."
    std::size_t line;
    std::size_t end;  // sections: the index after their last node
  };
  friend class TemplateCompiler;
  friend class TemplateRenderer;
  std::string name_;
  std::vector<Node> nodes_;
};

}  // namespace coaching
