#include "http/router.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace http::detail {

std::string_view raw_path(const Request& request) {
  std::string_view path = request.target;
  // In absolute form (a proxy's) the decoded path serves as well: ids hold nothing that needs encoding.
  if (!path.starts_with('/')) path = request.path;
  path = path.substr(0, path.find_first_of("?#"));
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string_view next_segment(std::string_view& path) {
  const auto end = std::min(path.find('/', 1), path.size());
  const auto segment = path.substr(1, end - 1);
  path.remove_prefix(end);
  return segment;
}

std::string_view parameter_name(std::string_view segment) {
  if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}') return {};
  segment = segment.substr(1, segment.size() - 2);
  return segment.ends_with("...") ? segment.substr(0, segment.size() - 3) : segment;
}

bool is_rest(std::string_view segment) { return segment.ends_with("...}"); }

void no_route() {
  throw base::Error(base::Code::not_found, "there is nothing at this path; see /docs for what there is");
}

void other_methods(std::vector<std::string_view> methods) {
  if (std::find(methods.begin(), methods.end(), "GET") != methods.end()) methods.push_back("HEAD");
  std::sort(methods.begin(), methods.end());
  std::string allow;
  for (const auto method : methods) {
    if (!allow.empty()) allow += ", ";
    allow += method;
  }
  throw base::Error(base::Code::method_not_allowed, "this path answers only to " + allow,
                    boost::json::object{{"allow", boost::json::array(methods.begin(), methods.end())}});
}

void set_parameters(Request& request, std::string_view pattern, const std::vector<std::string_view>& values) {
  request.path_parameters.clear();
  std::size_t next = 0;
  while (!pattern.empty() && next < values.size()) {
    const auto name = parameter_name(next_segment(pattern));
    if (name.empty()) continue;
    auto value = percent_decode(values[next++]);
    if (!value) no_route();
    request.path_parameters.emplace_back(name, std::move(*value));
  }
}

}  // namespace http::detail
