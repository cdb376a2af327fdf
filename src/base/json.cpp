#include "base/json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
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
    throw Error(Code::bad_request, too_deep ? fmt::format("the JSON is nested deeper than {} levels", max_depth)
                                            : fmt::format("not valid JSON: {} at byte {}", failed.message(), parsed));
  }
  return parser.release();
}

namespace {

// Which bytes of eight are below 0x20, a quotation mark or a backslash: their top bits are set. (Bit tricks after
// S. E. Anderson; bytes of 0x80 and above are never marked.)
std::uint64_t special_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kTops = 0x8080808080808080;
  const auto zero = [](std::uint64_t v) { return (v - kOnes) & ~v & kTops; };
  const auto control = (bytes - kOnes * 0x20) & ~bytes & kTops;
  return control | zero(bytes ^ (kOnes * '"')) | zero(bytes ^ (kOnes * '\\'));
}

// The end of the stretch from `at` on that needs no escape.
std::size_t plain_until(std::string_view text, std::size_t at) {
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, 8);
    if (special_bytes(bytes) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x20 && text[at] != '"' && text[at] != '\\') ++at;
  return at;
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default: fmt::format_to(std::back_inserter(out), FMT_STRING("\\u{:04x}"), static_cast<unsigned char>(c));
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const auto end = plain_until(text, at);
    out.append(text, at, end - at);
    at = end;
    if (at < text.size()) append_escape(out, text[at++]);
  }
  out += '"';
}

void append_json_number(std::string& out, std::int64_t number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

void append_json_number(std::string& out, double number) {
  if (std::isfinite(number)) {
    fmt::format_to(std::back_inserter(out), FMT_STRING("{}"), number);
  } else {
    out += "null";
  }
}

namespace {

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
    append_json_string(out, member.key());
    out += ':';
    write_value(out, member.value());
  }
  out += '}';
}

void write_value(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: out += "null"; break;
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; break;
    case json::kind::int64: append_json_number(out, value.get_int64()); break;
    case json::kind::uint64: fmt::format_to(std::back_inserter(out), FMT_STRING("{}"), value.get_uint64()); break;
    case json::kind::double_: append_json_number(out, value.get_double()); break;
    case json::kind::string: append_json_string(out, value.get_string()); break;
    case json::kind::array: write_array(out, value.get_array()); break;
    case json::kind::object: write_object(out, value.get_object()); break;
  }
}

}  // namespace

void append_json_value(std::string& out, const json::value& value) { write_value(out, value); }

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
void unknown_name(std::string_view path, std::string_view) {
  fault(path, "has a value that is not one of those allowed");
}

}  // namespace detail
}  // namespace base
