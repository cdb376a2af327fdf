#include "base/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <boost/json.hpp>
#include <charconv>

#include "base/error.hpp"

namespace base {
namespace {

namespace json = boost::json;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 200'000;

struct Conversion {
  std::string_view file;
  YamlLines* lines = nullptr;
  std::string path{};  // of the map that is being read, with a slash behind; only with `lines`
  std::size_t nodes = 0;

  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view what) const {
    throw Error(Code::validation_error, fmt::format("{}:{}: {}", file, mark.line + 1, what));
  }

  static json::value plain_scalar(const std::string& text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    const char* begin = text.data() + (text.front() == '+' ? 1 : 0);
    const char* end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto [at, error] = std::from_chars(begin, end, whole); error == std::errc() && at == end) return whole;
    // from_chars would take "inf", "nan" and "infinity", which are words here.
    const bool numeric = text.find_first_not_of("+-.0123456789eE") == std::string::npos;
    double decimal = 0;
    const auto [at, error] = std::from_chars(begin, end, decimal);
    if (numeric && error == std::errc() && at == end) return decimal;
    return json::string(text);
  }

  json::object map(const YAML::Node& node, int depth) {
    json::object object;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) fail(entry.first.Mark(), "a key must be a plain word");
      const auto& key = entry.first.Scalar();
      if (object.contains(key)) fail(entry.first.Mark(), fmt::format("the key '{}' appears twice", key));
      object.emplace(key, member(entry, key, depth));
    }
    return object;
  }

  template <class Entry>
  json::value member(const Entry& entry, const std::string& key, int depth) {
    if (lines == nullptr) return value(entry.second, depth + 1);
    const auto above = path.size();
    path += key;
    lines->emplace(path, entry.first.Mark().line + 1);
    path += '/';
    auto read = value(entry.second, depth + 1);
    path.resize(above);
    return read;
  }

  json::value value(const YAML::Node& node, int depth) {
    if (depth > kMaxDepth) fail(node.Mark(), fmt::format("nested deeper than {} levels", kMaxDepth));
    if (++nodes > kMaxNodes) fail(node.Mark(), fmt::format("more than {} values", kMaxNodes));
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: return nullptr;
      case YAML::NodeType::Scalar:
        return node.Tag() == "?" ? plain_scalar(node.Scalar()) : json::value(json::string(node.Scalar()));
      case YAML::NodeType::Sequence: {
        json::array list;
        list.reserve(node.size());
        for (const auto& element : node) list.push_back(value(element, depth + 1));
        return list;
      }
      case YAML::NodeType::Map: return map(node, depth);
    }
    return nullptr;
  }
};

json::value convert(std::string_view text, std::string_view file, YamlLines* lines) {
  try {
    return Conversion{.file = file, .lines = lines}.value(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& error) {
    throw Error(Code::validation_error, fmt::format("{}:{}: {}", file, error.mark.line + 1, error.msg));
  }
}

}  // namespace

json::value yaml_to_json(std::string_view text, std::string_view file) { return convert(text, file, nullptr); }

json::value yaml_to_json(std::string_view text, std::string_view file, YamlLines& lines) {
  return convert(text, file, &lines);
}

}  // namespace base
