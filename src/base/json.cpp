#include "base/json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace base {

json::value parse_json(std::string_view text, std::size_t max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::parser parser({}, options);
  json::error_code failed;
  const auto parsed = parser.write(text.data(), text.size(), failed);
  if (failed) {
    const bool too_deep = failed == json::error::too_deep;
    throw Error(Code::bad_request,
                too_deep ? fmt::format("the JSON is nested deeper than {} levels", max_depth)
                         : fmt::format("not valid JSON: {} at byte {}", failed.message(), parsed));
  }
  return parser.release();
}

namespace {

void write_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, begin, i - begin);
    begin = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: fmt::format_to(std::back_inserter(out), FMT_STRING("\\u{:04x}"), c);
    }
  }
  out.append(text, begin, text.size() - begin);
  out += '"';
}

void write_value(std::string& out, const json::value& value);

void write_array(std::string& out, const json::array& array) {
  out += '[';
  for (const auto& element : array) {
    if (&element != array.begin()) out += ',';
    write_value(out, element);
  }
  out += ']';
}

void write_object(std::string& out, const json::object& object) {
  out += '{';
  for (const auto& member : object) {
    if (&member != object.begin()) out += ',';
    write_string(out, member.key());
    out += ':';
    write_value(out, member.value());
  }
  out += '}';
}

void write_value(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: out += "null"; break;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; break;
    case json::kind::int64: fmt::format_to(std::back_inserter(out), FMT_STRING("{}"), value.get_int64()); break;
    case json::kind::uint64: fmt::format_to(std::back_inserter(out), FMT_STRING("{}"), value.get_uint64()); break;
    case json::kind::double_:
      if (std::isfinite(value.get_double())) {
        fmt::format_to(std::back_inserter(out), FMT_STRING("{}"), value.get_double());
      } else {
        out += "null";
      }
      break;
    case json::kind::string: write_string(out, value.get_string()); break;
    case json::kind::array: write_array(out, value.get_array()); break;
    case json::kind::object: write_object(out, value.get_object()); break;
  }
}

}  // namespace

std::string write_json(const json::value& value) {
  std::string out;
  out.reserve(512);
  write_value(out, value);
  return out;
}

namespace detail {

namespace {
[[noreturn]] void fault(std::string_view path, std::string_view what) {
  const std::string field(path.empty() ? "(document)" : path);
  throw Error(Code::validation_error, fmt::format("{} {}", field, what),
              json::array{{{"field", field}, {"message", std::string(what)}}});
}
}  // namespace

void wrong_type(std::string_view path, std::string_view wanted) { fault(path, fmt::format("must be {}", wanted)); }
void missing(std::string_view path) { fault(path, "is missing"); }
void unknown_name(std::string_view path, std::string_view) { fault(path, "has a value that is not one of those allowed"); }

}  // namespace detail
}  // namespace base
