// embed LIST BLOB SOURCE: a build-time tool. Each line of LIST is "name<TAB>file"; the files' bytes go into BLOB one
// after the other, and SOURCE becomes the C++ that includes BLOB and implements base/embedded.hpp. A name in .json for
// a file in .yaml is converted; what is called sources/… stays as it is.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <boost/json/src.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "base/error.hpp"
#include "base/yaml.hpp"

namespace {

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(fmt::format("cannot read {}", path));
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error(fmt::format("cannot write {}", path));
}

std::string content(const std::string& name, const std::string& path) {
  auto text = read(path);
  if (name.starts_with("sources/")) return text;
  if (name.ends_with(".json") && path.ends_with(".yaml")) return serialize(base::yaml_to_json(text, path));
  if (name.ends_with(".json")) return serialize(boost::json::parse(text));  // without the white space
  return text;
}

// Sorted by name, so that embedded() can search by halves.
std::map<std::string, std::string> read_list(const std::string& path) {
  std::map<std::string, std::string> files;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const auto tab = line.find('\t');
    if (tab != std::string::npos) files.emplace(line.substr(0, tab), line.substr(tab + 1));
  }
  return files;
}

constexpr std::string_view kSource = R"(// Made by tools/embed.cpp.
#include "base/embedded.hpp"

#include <algorithm>
#include <array>

asm(".section .rodata\n"
    ".balign 16\n"
    ".globl purposepath_embedded_blob\n"
    "purposepath_embedded_blob:\n"
    ".incbin \"{blob}\"\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const char purposepath_embedded_blob[];

namespace base {{
namespace {{

struct File {{
  std::string_view name;
  std::size_t offset, length;
  std::string_view bytes() const {{ return {{purposepath_embedded_blob + offset, length}}; }}
}};

constexpr std::array<File, {count}> kFiles{{{{
{index}}}}};

}}  // namespace

std::optional<std::string_view> embedded(std::string_view path) {{
  const auto found = std::lower_bound(kFiles.begin(), kFiles.end(), path,
                                      [](const File& file, std::string_view name) {{ return file.name < name; }});
  if (found == kFiles.end() || found->name != path) return std::nullopt;
  return found->bytes();
}}

std::vector<std::string_view> embedded_names(std::string_view prefix) {{
  std::vector<std::string_view> names;
  for (const auto& file : kFiles) {{
    if (file.name.starts_with(prefix)) names.push_back(file.name);
  }}
  return names;
}}

}}  // namespace base
)";

void embed(const std::string& list, const std::string& blob_path, const std::string& source_path) {
  std::string blob, index;
  const auto files = read_list(list);
  for (const auto& [name, path] : files) {
    const auto bytes = content(name, path);
    index += fmt::format("    File{{\"{}\", {}, {}}},\n", name, blob.size(), bytes.size());
    blob += bytes;
  }
  write(blob_path, blob);
  using namespace fmt::literals;
  const auto absolute = std::filesystem::absolute(blob_path).string();
  write(source_path, fmt::format(kSource, "blob"_a = absolute, "count"_a = files.size(), "index"_a = index));
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return std::fputs("usage: embed LIST BLOB SOURCE\n", stderr), 2;
  try {
    embed(words[1], words[2], words[3]);
    return 0;
  } catch (const std::exception& error) {
    std::fputs(fmt::format("embed: {}\n", error.what()).c_str(), stderr);
    return 1;
  }
}
