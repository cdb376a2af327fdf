#include "coaching/business.hpp"

namespace coaching {
namespace {

constexpr std::string_view kPrefix = "business.";
constexpr std::string_view kOneGoal = "goal";

std::optional<BusinessSection> section_named(std::string_view name) {
  std::optional<BusinessSection> found;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<BusinessSection>>([&](auto d) {
    if (name == d.name) found = d.value;
  });
  return found;
}

std::string_view first_of(std::string_view path) { return path.substr(0, path.find('.')); }
std::string_view rest_of(std::string_view path) {
  const auto dot = path.find('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
}

}  // namespace

bool is_list(BusinessSection section) { return section >= BusinessSection::goals; }

std::optional<BusinessPath> business_path(std::string_view source) {
  if (!source.starts_with(kPrefix)) return std::nullopt;
  const auto path = source.substr(kPrefix.size());
  const auto first = first_of(path);
  if (first == kOneGoal) return BusinessPath{BusinessSection::goals, true, rest_of(path)};
  if (const auto section = section_named(first)) return BusinessPath{*section, false, rest_of(path)};
  return BusinessPath{BusinessSection::foundation, false, path};
}

bool names_section(std::string_view source) {
  if (!source.starts_with(kPrefix)) return false;
  const auto first = first_of(source.substr(kPrefix.size()));
  return first == kOneGoal || section_named(first);
}

base::json::value value_at(const base::json::value& value, std::string_view path) {
  if (path.empty()) return value;
  if (const auto* list = value.if_array()) {
    base::json::array found;
    for (const auto& element : *list) {
      if (auto member = value_at(element, path); !member.is_null()) found.push_back(std::move(member));
    }
    return found.empty() ? base::json::value() : base::json::value(std::move(found));
  }
  const auto* object = value.if_object();
  const auto* member = object == nullptr ? nullptr : object->if_contains(first_of(path));
  return member == nullptr ? base::json::value() : value_at(*member, rest_of(path));
}

base::Task<BusinessData> NoBusiness::read(BusinessQuery) {
  co_return BusinessData{std::make_shared<const base::json::value>(), false};
}

base::Task<BusinessHealth> NoBusiness::health() { co_return BusinessHealth{}; }

}  // namespace coaching
