#include "llm/schema_dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "llm/members.hpp"
#include "llm/schema_types.hpp"

namespace llm {
namespace {

namespace json = boost::json;
using json::array;
using json::object;
using json::value;

constexpr std::array<std::string_view, 9> kOpenAiFormats{"date-time", "time", "date", "duration", "email",
                                                         "hostname",  "ipv4", "ipv6", "uuid"};
constexpr std::array<std::string_view, 10> kAnthropicFormats{"date-time", "time", "date", "duration", "email",
                                                             "hostname",  "uri",  "ipv4", "ipv6",     "uuid"};
constexpr std::array<std::string_view, 3> kGeminiFormats{"date-time", "time", "date"};

// What a vendor takes, besides type, enum, properties, required, items, anyOf and description, which all take.
struct Abilities {
  bool all_required = false;    // and optional ones may be null
  bool open_objects = false;    // additionalProperties other than false
  bool list_bounds = false;     // minItems and maxItems; without: minItems of 0 and 1
  bool number_bounds = false;   // minimum and maximum
  bool exclusive_bounds = false;  // exclusiveMinimum, exclusiveMaximum and multipleOf
  bool pattern = false;
  bool constants = false;       // const
  bool mixed_enum = false;      // other values than strings and numbers in an enum
  bool ordering = false;        // writes members in the order of propertyOrdering
  std::span<const std::string_view> formats;
};

Abilities abilities_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::openai_strict:
      return {.all_required = true,
              .list_bounds = true,
              .number_bounds = true,
              .exclusive_bounds = true,
              .pattern = true,
              .constants = true,
              .mixed_enum = true,
              .formats = kOpenAiFormats};
    case Dialect::anthropic:
    case Dialect::bedrock: return {.constants = true, .mixed_enum = true, .formats = kAnthropicFormats};
    case Dialect::gemini:
      return {.open_objects = true,
              .list_bounds = true,
              .number_bounds = true,
              .ordering = true,
              .formats = kGeminiFormats};
  }
  return {};
}

// "3 to 7 entries", "at least 3 entries", "at most 7 entries", "exactly 3 entries"; "" without bounds.
std::string range_in_words(const value* least, const value* most, std::string_view one, std::string_view many) {
  const auto unit = [&](const value& count) {
    const auto name = count == 1 ? one : many;
    return name.empty() ? "" : " " + std::string(name);
  };
  if (least != nullptr && most != nullptr) {
    if (*least == *most) return "exactly " + base::write_json(*least) + unit(*least);
    return base::write_json(*least) + " to " + base::write_json(*most) + unit(*most);
  }
  if (least != nullptr) return "at least " + base::write_json(*least) + unit(*least);
  if (most != nullptr) return "at most " + base::write_json(*most) + unit(*most);
  return "";
}

// The rewriting of one schema without references; recursive by its members.
class Translation {
 public:
  explicit Translation(Dialect dialect) : can_(abilities_of(dialect)) {}

  value translate(const value& schema) const {
    const auto* members = schema.if_object();
    return members != nullptr ? translate(*members) : translate(object());  // true: anything
  }

 private:
  using Words = std::vector<std::string>;

  value translate(const object& schema) const;
  value one_of(const object& schema, const array& variants) const;
  value split(const object& schema, const SchemaTypes& types) const;
  void add_values(const object& schema, object& out, Words& words) const;
  void add_object(const object& schema, object& out) const;
  void add_list(const object& schema, object& out, Words& words) const;
  void add_text(const object& schema, object& out, Words& words) const;
  void add_number(const object& schema, object& out, Words& words) const;
  bool takes_enum(const array& values) const;

  Abilities can_;
};

void keep(const object& schema, object& out, std::string_view name) {
  if (const auto* found = schema.if_contains(name)) out[name] = *found;
}

void say(std::vector<std::string>& words, std::string text) {
  if (!text.empty()) words.push_back(std::move(text));
}

void describe(const object& schema, const std::vector<std::string>& words, object& out) {
  std::string text(text_at(schema, "description"));
  if (!words.empty()) {
    const auto said = fmt::format("{}", fmt::join(words, "; "));
    text = text.empty() ? said : fmt::format("{} ({})", text, said);
  }
  if (!text.empty()) out["description"] = text;
}

value single_type(const SchemaTypes& types) {
  if (types.size() == 1) return value(types.front());
  array list;
  for (const auto& type : types) list.emplace_back(type);
  return list;
}

bool says_null(const value& schema) {
  const auto* members = schema.if_object();
  return members != nullptr && text_at(*members, "type") == "null";
}

// `schema` in a dialect, made to allow null as well.
value nullable(value schema) {
  auto& members = schema.get_object();
  if (auto* variants = members.if_contains("anyOf")) {
    auto& list = variants->get_array();
    if (std::ranges::none_of(list, says_null)) list.emplace_back(object{{"type", "null"}});
    return schema;
  }
  auto types = types_of(members);
  if (contains(types, "null")) return schema;
  if (is_structured(types.front()) || members.contains("const")) {
    object out;
    if (const auto description = text_at(members, "description"); !description.empty()) {
      out["description"] = description;
      members.erase("description");
    }
    out["anyOf"] = array{std::move(schema), object{{"type", "null"}}};
    return out;
  }
  types.emplace_back("null");
  members["type"] = single_type(types);
  if (auto* values = members.if_contains("enum")) values->get_array().emplace_back(nullptr);
  return schema;
}

value Translation::translate(const object& schema) const {
  for (const char* name : {"anyOf", "oneOf"}) {
    const auto* variants = array_at(schema, name);
    // Beside a type they only restrict it; that is left to our own check.
    if (variants != nullptr && !has_any(schema, {"type", "properties", "enum", "const"})) {
      return one_of(schema, *variants);
    }
  }
  const auto types = types_of(schema);
  const auto* values = array_at(schema, "enum");
  const bool has_null = types.size() > 1 && contains(types, "null");
  const bool split_enum = values != nullptr && has_null && !takes_enum(*values);
  if (types.size() > 1 && (split_enum || std::ranges::any_of(types, is_structured))) return split(schema, types);
  object out{{"type", single_type(types)}};
  Words words;
  add_values(schema, out, words);
  for (const auto& type : types) {
    if (type == "object") add_object(schema, out);
    if (type == "array") add_list(schema, out, words);
    if (type == "string") add_text(schema, out, words);
    if (type == "number" || type == "integer") add_number(schema, out, words);
  }
  describe(schema, words, out);
  return out;
}

value Translation::one_of(const object& schema, const array& variants) const {
  array list;
  for (const auto& variant : variants) list.push_back(translate(variant));
  object out{{"anyOf", std::move(list)}};
  describe(schema, {}, out);
  return out;
}

// One variant for each type: some vendors refuse an object or a list in a list of types.
value Translation::split(const object& schema, const SchemaTypes& types) const {
  array list;
  for (const auto& type : types) {
    auto variant = schema;
    variant["type"] = type;
    variant.erase("description");
    if (auto* values = variant.if_contains("enum"); values != nullptr && values->is_array()) {
      array fitting;
      for (const auto& each : values->get_array()) {
        if (type_of(each) == type || (type == "number" && type_of(each) == "integer")) fitting.push_back(each);
      }
      if (fitting.empty()) continue;
      if (type == "null") {
        variant.erase("enum");
      } else {
        *values = std::move(fitting);
      }
    }
    list.push_back(translate(variant));
  }
  object out{{"anyOf", std::move(list)}};
  describe(schema, {}, out);
  return out;
}

bool Translation::takes_enum(const array& values) const {
  return std::ranges::all_of(values, [&](const value& each) {
    return each.is_string() || each.is_number() || (can_.mixed_enum && !each.is_structured());
  });
}

void Translation::add_values(const object& schema, object& out, Words& words) const {
  if (const auto* constant = schema.if_contains("const")) {
    if (can_.constants && !constant->is_structured()) {
      out["const"] = *constant;
    } else if (constant->is_string() || constant->is_number()) {
      out["enum"] = array{*constant};
    } else if (!constant->is_null()) {
      words.push_back("always " + base::write_json(*constant));
    }
  }
  const auto* values = array_at(schema, "enum");
  if (values == nullptr) return;
  if (takes_enum(*values)) {
    out["enum"] = *values;
  } else {
    words.push_back("one of " + base::write_json(*schema.if_contains("enum")));
  }
}

void Translation::add_object(const object& schema, object& out) const {
  const auto* given = object_at(schema, "properties");
  object properties;
  array required;
  array order;
  if (given != nullptr) {
    for (const auto& [name, schema_of_it] : *given) {
      auto property = translate(schema_of_it);
      if (can_.all_required && !is_required(schema, name)) property = nullable(std::move(property));
      properties[name] = std::move(property);
      if (can_.all_required || is_required(schema, name)) required.emplace_back(name);
      order.emplace_back(name);
    }
  }
  out["properties"] = std::move(properties);
  if (can_.all_required || !required.empty()) out["required"] = std::move(required);
  const auto* additional = schema.if_contains("additionalProperties");
  if (!can_.open_objects) {
    out["additionalProperties"] = false;
  } else if (additional != nullptr) {
    out["additionalProperties"] = additional->is_bool() ? *additional : translate(*additional);
  }
  if (can_.ordering && order.size() > 1) out["propertyOrdering"] = std::move(order);
}

void Translation::add_list(const object& schema, object& out, Words& words) const {
  const auto* items = schema.if_contains("items");
  out["items"] = items != nullptr && !items->is_array() ? translate(*items) : translate(object());
  const auto* least = schema.if_contains("minItems");
  if (can_.list_bounds) {
    keep(schema, out, "minItems");
    keep(schema, out, "maxItems");
  } else {
    const auto* most = schema.if_contains("maxItems");
    if (least != nullptr) out["minItems"] = *least == 0 ? 0 : 1;
    const bool said = least == nullptr || *least == 0 || (*least == 1 && most == nullptr);
    say(words, range_in_words(said ? nullptr : least, most, "entry", "entries"));
  }
  if (const auto* unique = schema.if_contains("uniqueItems"); unique != nullptr && *unique == true) {
    words.emplace_back("no entry twice");
  }
}

void Translation::add_text(const object& schema, object& out, Words& words) const {
  const auto* least = schema.if_contains("minLength");
  const auto* most = schema.if_contains("maxLength");
  if (least != nullptr && *least == 1) {
    words.emplace_back("not empty");
    least = nullptr;
  }
  say(words, range_in_words(least, most, "character", "characters"));
  if (const auto format = text_at(schema, "format"); !format.empty()) {
    if (std::ranges::find(can_.formats, format) != can_.formats.end()) {
      out["format"] = format;
    } else {
      words.push_back(fmt::format("format: {}", format));
    }
  }
  const auto pattern = text_at(schema, "pattern");
  if (pattern.empty()) return;
  if (can_.pattern && pattern.find("(?") == pattern.npos) {  // none that looks ahead or behind
    out["pattern"] = pattern;
  } else {
    words.push_back(fmt::format("matches the regular expression {}", pattern));
  }
}

void Translation::add_number(const object& schema, object& out, Words& words) const {
  if (can_.number_bounds) {
    keep(schema, out, "minimum");
    keep(schema, out, "maximum");
  } else {
    say(words, range_in_words(schema.if_contains("minimum"), schema.if_contains("maximum"), "", ""));
  }
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOthers{
      {{"exclusiveMinimum", "more than"}, {"exclusiveMaximum", "less than"}, {"multipleOf", "a multiple of"}}};
  for (const auto& [name, phrase] : kOthers) {
    const auto* bound = schema.if_contains(name);
    if (bound == nullptr) continue;
    if (can_.exclusive_bounds) {
      out[name] = *bound;
    } else {
      words.push_back(fmt::format("{} {}", phrase, base::write_json(*bound)));
    }
  }
}

struct Complexity {
  std::size_t optional = 0;  // properties that may be left out
  std::size_t unions = 0;  // schemas of several types
};

void measure(const value& schema, Complexity& found) {
  const auto* members = schema.if_object();
  if (members == nullptr) return;
  if (members->contains("anyOf") || array_at(*members, "type") != nullptr) ++found.unions;
  if (const auto* variants = array_at(*members, "anyOf")) {
    for (const auto& variant : *variants) measure(variant, found);
  }
  if (const auto* items = members->if_contains("items")) measure(*items, found);
  const auto* properties = object_at(*members, "properties");
  if (properties == nullptr) return;
  for (const auto& [name, property] : *properties) {
    if (!is_required(*members, name)) ++found.optional;
    measure(property, found);
  }
}

}  // namespace

bool is_within_limits(const value& translated, Dialect dialect) {
  constexpr std::size_t kMostOptional = 24;
  constexpr std::size_t kMostUnions = 16;
  if (dialect != Dialect::anthropic && dialect != Dialect::bedrock) return true;
  Complexity found;
  measure(translated, found);
  return found.optional <= kMostOptional && found.unions <= kMostUnions;
}

value to_dialect(const value& schema, Dialect dialect) {
  return Translation(dialect).translate(without_references(schema));
}

std::string ask_for_json(const value& schema) {
  return "Answer with JSON alone: no Markdown, no words before it or after it. It has to fit this JSON Schema:\n" +
         base::write_json(schema);
}

}  // namespace llm
