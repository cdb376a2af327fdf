#pragma once
// JSON at the edges: a bounded parser, and one lenient reader and writer for Boost.Describe'd structs.
// Boost.JSON 1.81's value_to rejects missing optionals and unknown members; this reader takes both, and its errors name
// the path of the offending member.
#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11/algorithm.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace base {

namespace json = boost::json;

inline constexpr std::size_t kMaxJsonDepth = 32;

// Throws Error{bad_request} saying where it stops being JSON; checks UTF-8 and depth; never repeats the text.
json::value parse_json(std::string_view text, std::size_t max_depth = kMaxJsonDepth);

// Compact JSON. Unlike Boost's, numbers look as people write them: 0.1, not 1E-1. Not a number and infinite: null.
std::string write_json(const json::value& value);
void append_json_value(std::string& out, const json::value& value);
void append_json_string(std::string& out, std::string_view text);  // quoted and escaped; well-formed UTF-8
void append_json_number(std::string& out, std::int64_t number);
void append_json_number(std::string& out, double number);

namespace detail {

[[noreturn]] void wrong_type(std::string_view path, std::string_view wanted);
[[noreturn]] void missing(std::string_view path);
[[noreturn]] void unknown_name(std::string_view path, std::string_view got);

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsStringMap : std::false_type {};
template <class T>
struct IsStringMap<std::map<std::string, T>> : std::true_type {};

template <class E>
std::string_view enum_name(E value) {
  std::string_view name = "?";
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) {
    if (d.value == value) name = d.name;
  });
  return name;
}

}  // namespace detail

// The described enumerator of that name; throws Error{validation_error}.
template <class E>
E enum_from(std::string_view name, std::string_view path = "") {
  std::optional<E> found;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) {
    if (name == d.name) found = d.value;
  });
  if (!found) detail::unknown_name(path, name);
  return *found;
}

template <class E>
  requires std::is_enum_v<E>
std::string_view name_of(E value) {
  return detail::enum_name(value);
}

// Fills `out`; members missing in `value` keep the value they have. Throws Error{validation_error} with the path.
template <class T>
void read_json(const json::value& value, T& out, const std::string& path = "") {
  if constexpr (std::is_same_v<T, json::value>) {
    out = value;
  } else if constexpr (std::is_same_v<T, json::object>) {
    if (!value.is_object()) detail::wrong_type(path, "an object");
    out = value.get_object();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) detail::wrong_type(path, "true or false");
    out = value.get_bool();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) detail::wrong_type(path, "a string");
    out.assign(value.get_string());
  } else if constexpr (std::is_same_v<T, PrivateText> || std::is_same_v<T, Secret>) {
    if (!value.is_string()) detail::wrong_type(path, "a string");
    out = T(std::string(value.get_string()));
  } else if constexpr (std::is_same_v<T, Time>) {
    if (!value.is_string()) detail::wrong_type(path, "a time");
    out = parse_time(value.get_string());
  } else if constexpr (std::is_enum_v<T>) {
    if (!value.is_string()) detail::wrong_type(path, "a string");
    out = enum_from<T>(value.get_string(), path);
  } else if constexpr (std::is_integral_v<T>) {
    json::error_code failed;
    const auto number = value.to_number<T>(failed);
    if (failed || value.is_double()) detail::wrong_type(path, "a whole number");
    out = number;
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) detail::wrong_type(path, "a number");
    out = value.to_number<T>();
  } else if constexpr (detail::IsOptional<T>::value) {
    if (value.is_null()) {
      out.reset();
    } else {
      read_json(value, out.emplace(), path);
    }
  } else if constexpr (detail::IsVector<T>::value) {
    if (!value.is_array()) detail::wrong_type(path, "a list");
    out.clear();
    out.reserve(value.get_array().size());
    std::size_t index = 0;
    for (const auto& element : value.get_array()) {
      read_json(element, out.emplace_back(), path + "[" + std::to_string(index++) + "]");
    }
  } else if constexpr (detail::IsStringMap<T>::value) {
    if (!value.is_object()) detail::wrong_type(path, "an object");
    out.clear();
    for (const auto& [key, element] : value.get_object()) {
      read_json(element, out[std::string(key)], path.empty() ? std::string(key) : path + "." + std::string(key));
    }
  } else {
    static_assert(boost::describe::has_describe_members<T>::value, "describe the struct with BOOST_DESCRIBE_STRUCT");
    if (!value.is_object()) detail::wrong_type(path, "an object");
    const auto& object = value.get_object();
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto d) {
      const auto* member = object.if_contains(d.name);
      if (member != nullptr) read_json(*member, out.*d.pointer, path.empty() ? d.name : path + "." + d.name);
    });
  }
}

template <class T>
T from_json(const json::value& value, const std::string& path = "") {
  T out{};
  read_json(value, out, path);
  return out;
}

// Optionals without a value become null, so that a member is always there.
template <class T>
json::value to_json(const T& in, json::storage_ptr storage = {}) {
  if constexpr (std::is_same_v<T, json::value> || std::is_same_v<T, json::object> || std::is_same_v<T, json::array>) {
    return json::value(in, storage);
  } else if constexpr (std::is_same_v<T, PrivateText> || std::is_same_v<T, Secret>) {
    return json::value(json::string(in.reveal(), storage));
  } else if constexpr (std::is_same_v<T, Time>) {
    return json::value(json::string(format_time(in), storage));
  } else if constexpr (std::is_enum_v<T>) {
    return json::value(json::string(name_of(in), storage));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return json::value(in, storage);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return json::value(json::string(std::string_view(in), storage));
  } else if constexpr (detail::IsOptional<T>::value) {
    return in ? to_json(*in, storage) : json::value(nullptr, storage);
  } else if constexpr (detail::IsVector<T>::value) {
    json::array list(storage);
    list.reserve(in.size());
    for (const auto& element : in) list.push_back(to_json(element, storage));
    return list;
  } else if constexpr (detail::IsStringMap<T>::value) {
    json::object object(storage);
    for (const auto& [key, element] : in) object.emplace(key, to_json(element, storage));
    return object;
  } else {
    static_assert(boost::describe::has_describe_members<T>::value, "describe the struct with BOOST_DESCRIBE_STRUCT");
    using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
    json::object object(storage);
    object.reserve(boost::mp11::mp_size<Members>::value);
    boost::mp11::mp_for_each<Members>([&](auto d) { object.emplace(d.name, to_json(in.*d.pointer, storage)); });
    return object;
  }
}

// The text of to_json(in), without the tree in between: for records that are written on every turn.
template <class T>
void append_json(std::string& out, const T& in) {
  if constexpr (std::is_same_v<T, json::value>) {
    append_json_value(out, in);
  } else if constexpr (std::is_same_v<T, json::object> || std::is_same_v<T, json::array>) {
    if (in.empty()) {
      out += std::is_same_v<T, json::object> ? "{}" : "[]";
    } else {
      append_json_value(out, json::value(in));
    }
  } else if constexpr (std::is_same_v<T, bool>) {
    out += in ? "true" : "false";
  } else if constexpr (std::is_same_v<T, PrivateText> || std::is_same_v<T, Secret>) {
    append_json_string(out, in.reveal());
  } else if constexpr (std::is_same_v<T, Time>) {
    out += '"';
    append_time(out, in);
    out += '"';
  } else if constexpr (std::is_enum_v<T>) {
    append_json_string(out, name_of(in));
  } else if constexpr (std::is_floating_point_v<T>) {
    append_json_number(out, static_cast<double>(in));
  } else if constexpr (std::is_integral_v<T>) {
    append_json_number(out, static_cast<std::int64_t>(in));
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    append_json_string(out, std::string_view(in));
  } else if constexpr (detail::IsOptional<T>::value) {
    if (in) {
      append_json(out, *in);
    } else {
      out += "null";
    }
  } else if constexpr (detail::IsVector<T>::value) {
    out += '[';
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (i > 0) out += ',';
      append_json(out, in[i]);
    }
    out += ']';
  } else {
    using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
    char before = '{';
    boost::mp11::mp_for_each<Members>([&](auto d) {
      out += before;
      before = ',';
      out += '"';
      out += d.name;  // names of ours need no escape
      out += "\":";
      append_json(out, in.*d.pointer);
    });
    out += '}';
  }
}

}  // namespace base
