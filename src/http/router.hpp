#pragma once
// Which handler a method and a path belong to.
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace http {

// Patterns are paths whose segments are literal or {name}, "/api/v1/conversations/{id}/message"; a last {name...} takes
// the rest of the path. Literal segments win over {name}. A trailing slash makes no difference. Filled at start-up,
// then read by all threads.
template <class Target>
class Router {
 public:
  struct Route {
    std::string method;
    std::string pattern;
    Target target;
  };

  void add(std::string method, std::string pattern, Target target);

  // Sets request.path_parameters (decoded) and request.notes.route; HEAD finds GET's route. Throws Error{not_found}, or
  // Error{method_not_allowed} with details {"allow": ["GET", …]}.
  const Route& match(Request& request) const;

  const std::deque<Route>& routes() const { return routes_; }

 private:
  struct Node {
    std::vector<std::pair<std::string, std::size_t>> literals;  // segment -> node
    std::optional<std::size_t> parameter;
    bool takes_rest = false;
    std::vector<const Route*> routes;  // one a method
  };

  std::size_t child(std::size_t node, std::string_view segment);
  const Node* find(std::size_t node, std::string_view path, std::vector<std::string_view>& values) const;

  std::deque<Route> routes_;  // addresses stay: notes.route points into them
  std::vector<Node> nodes_{1};
};

namespace detail {
std::string_view raw_path(const Request& request);  // as received, without query and trailing slash
std::string_view next_segment(std::string_view& path);  // takes "/segment" from the front
std::string_view parameter_name(std::string_view segment);  // "{id}" -> "id", "" for a literal
bool is_rest(std::string_view segment);  // "{file...}"
[[noreturn]] void no_route();
[[noreturn]] void other_methods(std::vector<std::string_view> methods);
void set_parameters(Request& request, std::string_view pattern, const std::vector<std::string_view>& values);
}  // namespace detail

template <class Target>
void Router<Target>::add(std::string method, std::string pattern, Target target) {
  const auto& route = routes_.emplace_back(Route{std::move(method), std::move(pattern), std::move(target)});
  std::size_t node = 0;
  std::string_view path = route.pattern == "/" ? "" : std::string_view(route.pattern);
  while (!path.empty()) node = child(node, detail::next_segment(path));
  nodes_[node].routes.push_back(&route);
}

template <class Target>
std::size_t Router<Target>::child(std::size_t node, std::string_view segment) {
  if (!detail::parameter_name(segment).empty()) {
    if (const auto known = nodes_[node].parameter) return *known;
    nodes_[node].parameter = nodes_.size();
    nodes_.emplace_back().takes_rest = detail::is_rest(segment);
    return nodes_.size() - 1;
  }
  for (const auto& [literal, next] : nodes_[node].literals) {
    if (literal == segment) return next;
  }
  nodes_[node].literals.emplace_back(segment, nodes_.size());
  nodes_.emplace_back();
  return nodes_.size() - 1;
}

template <class Target>
auto Router<Target>::find(std::size_t at, std::string_view path, std::vector<std::string_view>& values) const
    -> const Node* {
  const auto& node = nodes_[at];
  if (path.empty()) return node.routes.empty() ? nullptr : &node;
  const auto whole = path;
  const auto segment = detail::next_segment(path);
  for (const auto& [literal, next] : node.literals) {
    if (literal != segment) continue;
    if (const auto* found = find(next, path, values)) return found;
  }
  if (!node.parameter || segment.empty()) return nullptr;
  const bool rest = nodes_[*node.parameter].takes_rest;
  values.push_back(rest ? whole.substr(1) : segment);
  if (const auto* found = find(*node.parameter, rest ? "" : path, values)) return found;
  values.pop_back();
  return nullptr;
}

template <class Target>
auto Router<Target>::match(Request& request) const -> const Route& {
  std::vector<std::string_view> values;
  const auto* node = find(0, detail::raw_path(request), values);
  if (node == nullptr) detail::no_route();
  const Route* get = nullptr;
  for (const auto* route : node->routes) {
    if (route->method == "GET") get = route;
    if (route->method != request.method) continue;
    get = route;
    break;
  }
  const bool answers = get != nullptr && (get->method == request.method || request.method == "HEAD");
  request.notes.route = node->routes.front()->pattern;
  if (!answers) {
    std::vector<std::string_view> methods;
    methods.reserve(node->routes.size());
    for (const auto* route : node->routes) methods.push_back(route->method);
    detail::other_methods(std::move(methods));
  }
  detail::set_parameters(request, get->pattern, values);
  return *get;
}

}  // namespace http
