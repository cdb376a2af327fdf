#include "base/json.hpp"

#include <fmt/format.h>

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
