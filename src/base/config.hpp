#pragma once
// Layered settings by reflection: member initialisers < YAML file < environment < flags. Config fills a described struct
// in place and remembers for each setting where its value comes from. Faults are collected, so that one start shows all.
#include <boost/describe.hpp>
#include <boost/mp11/algorithm.hpp>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace base {

// "250ms", "30s", "15m", "12h", "14d", "1h30m"; "off" or "0" is zero. Throws Error{validation_error}.
Milliseconds parse_duration(std::string_view text);
// The shortest exact form of the same notation; zero is "off".
std::string format_duration(Milliseconds duration);

// Some setting is wrong: the message lists every fault on a line of its own, details is a list of {field, message}.
struct ConfigError : Error {
  using Error::Error;
};

// An enumeration of which only the names are known here.
struct EnumTarget {
  void* value;
  std::vector<std::string_view> names;
  void (*assign)(void* value, std::size_t index);
  std::size_t (*index)(const void* value);
};

using SettingTarget = std::variant<std::string*, int*, std::int64_t*, bool*, double*, Milliseconds*, Secret*,
                                   std::vector<std::string>*, EnumTarget>;

struct Setting {
  std::string key;  // "http.port"
  SettingTarget target;
  std::string origin = "default";  // "purposepath.yaml:12", "PURPOSEPATH_HTTP__PORT", "--port"

  std::string shown() const;  // as one would write it; a secret is masked
};

// A setting's environment variable: "http.base_url" -> "PURPOSEPATH_HTTP__BASE_URL".
std::string variable_name(std::string_view key);

// Not for several threads. The struct given to the constructor must outlive the Config.
class Config {
 public:
  template <class T>
  explicit Config(T& settings) {
    bind("", settings);
  }

  // A later call wins over an earlier one. None of them throws for what a person wrote; see check().
  void read_file(const std::filesystem::path& path);
  // Takes "NAME=value" entries (as in environ) whose name begins with PURPOSEPATH_, but for those in `ignored`.
  void read_environment(std::span<const std::string> entries, std::span<const std::string_view> ignored = {});
  void set(std::string_view key, std::string_view text, std::string_view origin);
  void set_list(std::string_view key, std::vector<std::string> values, std::string_view origin);

  // Reports a fault found by looking at several settings; "" for where the setting's value comes from.
  void fault(std::string_view key, std::string_view message, std::string_view origin = "");
  void check() const;  // throws ConfigError when any fault was found

  std::span<const Setting> settings() const { return settings_; }
  const Setting* find(std::string_view key) const;  // nullptr when there is no such setting

 private:
  struct Fault {
    std::string key;
    std::string message;
  };

  template <class T>
  void bind(const std::string& key, T& value);
  template <class E>
  static EnumTarget enum_target(E& value);

  static std::string below(const std::string& key, std::string_view member);
  Setting* known(std::string_view key, std::string_view origin, std::string_view written);
  void unknown(std::string_view key, std::string_view origin, std::string_view written);

  std::vector<Setting> settings_;
  std::vector<Fault> faults_;
};

template <class E>
EnumTarget Config::enum_target(E& value) {
  using Names = boost::describe::describe_enumerators<E>;
  static constexpr auto values = []<template <class...> class L, class... D>(L<D...>) {
    return std::array<E, sizeof...(D)>{D::value...};
  }(Names{});
  EnumTarget target{.value = &value};
  boost::mp11::mp_for_each<Names>([&](auto d) { target.names.emplace_back(d.name); });
  target.assign = [](void* out, std::size_t index) { *static_cast<E*>(out) = values.at(index); };
  target.index = [](const void* in) {
    return static_cast<std::size_t>(std::ranges::find(values, *static_cast<const E*>(in)) - values.begin());
  };
  return target;
}

template <class T>
void Config::bind(const std::string& key, T& value) {
  if constexpr (std::is_constructible_v<SettingTarget, T*> && !boost::describe::has_describe_members<T>::value) {
    settings_.push_back({.key = key, .target = &value});
  } else if constexpr (std::is_enum_v<T>) {
    settings_.push_back({.key = key, .target = enum_target(value)});
  } else {
    static_assert(boost::describe::has_describe_members<T>::value, "describe the struct with BOOST_DESCRIBE_STRUCT");
    using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
    boost::mp11::mp_for_each<Members>([&](auto d) { bind(below(key, d.name), value.*d.pointer); });
  }
}

}  // namespace base
