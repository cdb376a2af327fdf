#include "llm/schema_dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/schema.hpp"

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

const value* member(const object& schema, std::string_view name) { return schema.if_contains(name); }

std::string_view text_of(const object& schema, std::string_view name) {
  const auto* found = member(schema, name);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

bool has_any(const object& schema, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return schema.contains(name); });
}

std::string_view type_of(const value& v) {
  switch (v.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "boolean";
    case json::kind::int64:
    case json::kind::uint64: return "integer";
    case json::kind::double_: return "number";
    case json::kind::string: return "string";
    case json::kind::array: return "array";
    case json::kind::object: return "object";
  }
  return "null";
}

using Types = std::vector<std::string>;

void add_type(Types& types, std::string_view type) {
  if (std::ranges::find(types, type) == types.end()) types.emplace_back(type);
}

// Of a schema that names none, guessed by its other keywords: vendors refuse one without a type.
Types guessed_types(const object& schema) {
  Types types;
  if (const auto* constant = member(schema, "const")) return {std::string(type_of(*constant))};
  if (const auto* list = member(schema, "enum"); list != nullptr && list->is_array()) {
    for (const auto& each : list->get_array()) add_type(types, type_of(each));
  }
  if (!types.empty()) return types;
  if (has_any(schema, {"properties", "required", "additionalProperties"})) return {"object"};
  if (has_any(schema, {"items", "minItems", "maxItems", "uniqueItems"})) return {"array"};
  if (has_any(schema, {"minLength", "maxLength", "pattern", "format"})) return {"string"};
  if (has_any(schema, {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})) return {"number"};
  return {"string", "number", "boolean", "null"};  // anything goes; nothing can be said about an object's members
}

Types types_of(const object& schema) {
  const auto* type = member(schema, "type");
  if (type == nullptr) return guessed_types(schema);
  Types types;
  if (type->is_string()) add_type(types, type->get_string());
  if (const auto* list = type->if_array()) {
    for (const auto& each : *list) {
      if (each.is_string()) add_type(types, each.get_string());
    }
  }
  return types.empty() ? guessed_types(schema) : types;
}

bool is_structured(std::string_view type) { return type == "object" || type == "array"; }

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
  value split(const object& schema, const Types& types) const;
  void add_values(const object& schema, object& out, Words& words) const;
  void add_object(const object& schema, object& out) const;
  void add_list(const object& schema, object& out, Words& words) const;
  void add_text(const object& schema, object& out, Words& words) const;
  void add_number(const object& schema, object& out, Words& words) const;
  bool takes_enum(const array& values) const;

  Abilities can_;
};

void keep(const object& schema, object& out, std::string_view name) {
  if (const auto* found = member(schema, name)) out[name] = *found;
}

void say(std::vector<std::string>& words, std::string text) {
  if (!text.empty()) words.push_back(std::move(text));
}

void describe(const object& schema, const std::vector<std::string>& words, object& out) {
  std::string text(text_of(schema, "description"));
  if (!words.empty()) {
    const auto said = fmt::format("{}", fmt::join(words, "; "));
    text = text.empty() ? said : fmt::format("{} ({})", text, said);
  }
  if (!text.empty()) out["description"] = text;
}

value single_type(const Types& types) {
  if (types.size() == 1) return value(types.front());
  array list;
  for (const auto& type : types) list.emplace_back(type);
  return list;
}

bool says_null(const value& schema) {
  const auto* members = schema.if_object();
  return members != nullptr && text_of(*members, "type") == "null";
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
  if (std::ranges::find(types, "null") != types.end()) return schema;
  if (is_structured(types.front()) || members.contains("const")) {
    object out;
    if (const auto description = text_of(members, "description"); !description.empty()) {
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
    const auto* variants = member(schema, name);
    // Beside a type they only restrict it; that is left to our own check.
    if (variants != nullptr && variants->is_array() && !has_any(schema, {"type", "properties", "enum", "const"})) {
      return one_of(schema, variants->get_array());
    }
  }
  const auto types = types_of(schema);
  const auto* values = member(schema, "enum");
  const bool has_null = types.size() > 1 && std::ranges::find(types, "null") != types.end();
  const bool split_enum = values != nullptr && values->is_array() && has_null && !takes_enum(values->get_array());
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
value Translation::split(const object& schema, const Types& types) const {
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
  if (const auto* constant = member(schema, "const")) {
    if (can_.constants && !constant->is_structured()) {
      out["const"] = *constant;
    } else if (constant->is_string() || constant->is_number()) {
      out["enum"] = array{*constant};
    } else if (!constant->is_null()) {
      words.push_back("always " + base::write_json(*constant));
    }
  }
  const auto* values = member(schema, "enum");
  if (values == nullptr || !values->is_array()) return;
  if (takes_enum(values->get_array())) {
    out["enum"] = *values;
  } else {
    words.push_back("one of " + base::write_json(*values));
  }
}

void Translation::add_object(const object& schema, object& out) const {
  const auto* given = member(schema, "properties");
  const auto* needed = member(schema, "required");
  const auto is_needed = [&](std::string_view name) {
    return needed != nullptr && needed->is_array() &&
           std::ranges::find(needed->get_array(), value(name)) != needed->get_array().end();
  };
  object properties;
  array required;
  array order;
  if (given != nullptr && given->is_object()) {
    for (const auto& [name, schema_of_it] : given->get_object()) {
      auto property = translate(schema_of_it);
      if (can_.all_required && !is_needed(name)) property = nullable(std::move(property));
      properties[name] = std::move(property);
      if (can_.all_required || is_needed(name)) required.emplace_back(name);
      order.emplace_back(name);
    }
  }
  out["properties"] = std::move(properties);
  if (can_.all_required || !required.empty()) out["required"] = std::move(required);
  const auto* additional = member(schema, "additionalProperties");
  if (!can_.open_objects) {
    out["additionalProperties"] = false;
  } else if (additional != nullptr) {
    out["additionalProperties"] = additional->is_bool() ? *additional : translate(*additional);
  }
  if (can_.ordering && order.size() > 1) out["propertyOrdering"] = std::move(order);
}

void Translation::add_list(const object& schema, object& out, Words& words) const {
  const auto* items = member(schema, "items");
  out["items"] = items != nullptr && !items->is_array() ? translate(*items) : translate(object());
  const auto* least = member(schema, "minItems");
  if (can_.list_bounds) {
    keep(schema, out, "minItems");
    keep(schema, out, "maxItems");
  } else {
    const auto* most = member(schema, "maxItems");
    if (least != nullptr) out["minItems"] = *least == 0 ? 0 : 1;
    const bool said = least == nullptr || *least == 0 || (*least == 1 && most == nullptr);
    say(words, range_in_words(said ? nullptr : least, most, "entry", "entries"));
  }
  if (const auto* unique = member(schema, "uniqueItems"); unique != nullptr && *unique == true) {
    words.emplace_back("no entry twice");
  }
}

void Translation::add_text(const object& schema, object& out, Words& words) const {
  const auto* least = member(schema, "minLength");
  const auto* most = member(schema, "maxLength");
  if (least != nullptr && *least == 1) {
    words.emplace_back("not empty");
    least = nullptr;
  }
  say(words, range_in_words(least, most, "character", "characters"));
  if (const auto format = text_of(schema, "format"); !format.empty()) {
    if (std::ranges::find(can_.formats, format) != can_.formats.end()) {
      out["format"] = format;
    } else {
      words.push_back(fmt::format("format: {}", format));
    }
  }
  const auto pattern = text_of(schema, "pattern");
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
    say(words, range_in_words(member(schema, "minimum"), member(schema, "maximum"), "", ""));
  }
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOthers{
      {{"exclusiveMinimum", "more than"}, {"exclusiveMaximum", "less than"}, {"multipleOf", "a multiple of"}}};
  for (const auto& [name, phrase] : kOthers) {
    const auto* bound = member(schema, name);
    if (bound == nullptr) continue;
    if (can_.exclusive_bounds) {
      out[name] = *bound;
    } else {
      words.push_back(fmt::format("{} {}", phrase, base::write_json(*bound)));
    }
  }
}

bool accepts_null(const object& schema) {
  for (const char* name : {"anyOf", "oneOf"}) {
    const auto* variants = member(schema, name);
    if (variants == nullptr || !variants->is_array()) continue;
    return std::ranges::any_of(variants->get_array(), [](const value& variant) {
      return !variant.is_object() || accepts_null(variant.get_object());
    });
  }
  if (const auto* constant = member(schema, "const")) return constant->is_null();
  const auto* values = member(schema, "enum");
  if (values != nullptr && values->is_array()) {
    return std::ranges::find(values->get_array(), value(nullptr)) != values->get_array().end();
  }
  const auto types = types_of(schema);
  return !schema.contains("type") || std::ranges::find(types, "null") != types.end();
}

// The variant that `answer` can only be meant by: the one of its type, when there is but one.
const object* variant_for(const value& answer, const object& schema) {
  const auto* variants = member(schema, schema.contains("anyOf") ? "anyOf" : "oneOf");
  if (variants == nullptr || !variants->is_array()) return &schema;
  const object* found = nullptr;
  for (const auto& variant : variants->get_array()) {
    if (!variant.is_object()) return nullptr;
    const auto types = types_of(variant.get_object());
    if (std::ranges::find(types, type_of(answer)) == types.end()) continue;
    if (found != nullptr) return nullptr;
    found = &variant.get_object();
  }
  return found;
}

void remove_nulls(value& answer, const object& whole);

void remove_nulls_of(object& answer, const object& schema) {
  const auto* properties = member(schema, "properties");
  if (properties == nullptr || !properties->is_object()) return;
  const auto* required = member(schema, "required");
  for (const auto& [name, property] : properties->get_object()) {
    auto* found = answer.if_contains(name);
    if (found == nullptr || !property.is_object()) continue;
    const bool needed = required != nullptr && required->is_array() &&
                        std::ranges::find(required->get_array(), value(name)) != required->get_array().end();
    if (found->is_null() && !needed && !accepts_null(property.get_object())) {
      answer.erase(name);
    } else {
      remove_nulls(*found, property.get_object());
    }
  }
}

void remove_nulls(value& answer, const object& whole) {
  if (!answer.is_structured()) return;
  const auto* schema = variant_for(answer, whole);
  if (schema == nullptr) return;
  if (auto* members = answer.if_object()) return remove_nulls_of(*members, *schema);
  const auto* items = member(*schema, "items");
  if (items == nullptr || !items->is_object()) return;
  for (auto& entry : answer.get_array()) remove_nulls(entry, items->get_object());
}

value resolved(const value& schema) {
  auto whole = base::resolve_references(schema, schema);
  if (auto* members = whole.if_object()) {
    members->erase("$defs");
    members->erase("definitions");
  }
  return whole;
}

}  // namespace

value to_dialect(const value& schema, Dialect dialect) { return Translation(dialect).translate(resolved(schema)); }

void remove_added_nulls(value& answer, const value& schema) {
  const auto whole = resolved(schema);
  if (whole.is_object()) remove_nulls(answer, whole.get_object());
}

std::string ask_for_json(const value& schema) {
  return "Answer with JSON alone: no Markdown, no words before it or after it. It has to fit this JSON Schema:\n" +
         base::write_json(schema);
}

}  // namespace llm
