#include "coaching/analysis_samples.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace coaching {
namespace {

namespace json = boost::json;

bool names_type(const json::value& schema, std::string_view type) {
  const auto* named = member(schema, "type");
  if (named == nullptr) return false;
  const auto* list = named->if_array();
  return list == nullptr ? *named == json::value(type)
                         : std::find(list->begin(), list->end(), json::value(type)) != list->end();
}

std::size_t bound(const json::value& schema, std::string_view keyword, std::size_t otherwise) {
  const auto* limit = member(schema, keyword);
  return limit != nullptr && limit->is_number() ? limit->to_number<std::size_t>() : otherwise;
}

class Sampler {
 public:
  Sampler(bool rich, const std::string& words) : rich_(rich), words_(words) {}

  json::value of(const json::value& schema) const {
    if (const auto* options = member(schema, "enum"); options != nullptr && options->is_array())
      return options->get_array().front();
    if (const auto* options = member(schema, "anyOf"); options != nullptr && options->is_array()) {
      return of(rich_ ? options->get_array().back() : options->get_array().front());
    }
    if (names_type(schema, "object")) return object(schema);
    if (names_type(schema, "array")) return list(schema);
    if (names_type(schema, "string")) return text(schema);
    if (names_type(schema, "integer") || names_type(schema, "number"))
      return bound(schema, rich_ ? "maximum" : "minimum", 1);
    if (names_type(schema, "boolean")) return rich_;
    return nullptr;
  }

 private:
  json::value object(const json::value& schema) const {
    json::object made;
    const auto* properties = member(schema, "properties");
    if (properties == nullptr || !properties->is_object()) return made;
    const auto* required = member(schema, "required");
    for (const auto& [name, property] : properties->get_object()) {
      const auto* list = required == nullptr ? nullptr : required->if_array();
      const bool needed = list != nullptr && std::find(list->begin(), list->end(), json::value(name)) != list->end();
      if (rich_ || needed) made[name] = of(property);
    }
    return made;
  }

  json::value list(const json::value& schema) const {
    json::array made;
    const auto* items = member(schema, "items");
    const auto least = bound(schema, "minItems", 0);
    const auto count = rich_ ? std::min<std::size_t>(bound(schema, "maxItems", 12), 30) : least;
    for (std::size_t i = 0; items != nullptr && i < count; ++i) made.push_back(of(*items));
    return made;
  }

  json::value text(const json::value& schema) const {
    const auto* format = member(schema, "format");
    if (format != nullptr && *format == "date") return "2026-11-27";
    if (member(schema, "pattern") != nullptr) return "https://example.com";
    const auto most = bound(schema, "maxLength", 10'000);
    std::string made(base::prefix_bytes(rich_ ? words_ : "Hm.", most));
    while (made.size() < std::max<std::size_t>(1, bound(schema, "minLength", 1))) made += " Hm.";
    return json::value(made);
  }

  bool rich_;
  const std::string& words_;
};

// "business.foundation" in {"business": {"foundation": …}}; nullptr when it is not there.
const json::value* at_path(const json::value& context, std::string_view path) {
  const auto* at = &context;
  while (at != nullptr && !path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    at = member(*at, path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

}  // namespace

const json::value* member(const json::value& value, std::string_view name) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

json::value sample_request(const json::value& schema, bool rich, const std::string& words) {
  return Sampler(rich, words).of(schema);
}

json::object sample_website(bool rich, const std::string& words) {
  if (!rich) {
    return {{"url", "https://example.com/"},
            {"title", nullptr},
            {"description", nullptr},
            {"site_name", nullptr},
            {"language", nullptr},
            {"headings", json::array()},
            {"text", "Hm."},
            {"links", json::array()}};
  }
  return {{"url", words},         {"title", words},
          {"description", words}, {"site_name", words},
          {"language", words},    {"headings", json::array{words, words}},
          {"text", words},        {"links", json::array{json::object{{"text", words}, {"href", words}}}}};
}

json::object sample_context(bool rich, const std::string& words) { return {{"website", sample_website(rich, words)}}; }

json::value example_context(const Topic& topic) {
  const auto* context = member(topic.example, "context");
  return context == nullptr ? json::value(json::object()) : *context;
}

json::value with_context(const Topic& topic, const json::value& request, const json::value& context) {
  auto input = request;
  if (!input.is_object()) return input;
  for (const auto& parameter : topic.parameters) {
    if (parameter.source == "request") continue;
    const auto* value = at_path(context, parameter.source);
    if (value != nullptr) input.get_object().insert_or_assign(parameter.name, *value);
  }
  return input;
}

}  // namespace coaching
