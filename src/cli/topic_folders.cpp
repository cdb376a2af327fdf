#include "cli/topic_folders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/commands.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kShared = "_shared/";

bool is_topic_folder(const fs::path& folder) {
  return fs::exists(folder / "topic.yaml") || fs::exists(folder / "topic.json");
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) {
    throw base::Error(base::Code::dependency_unavailable, fmt::format("{} cannot be written", path.string()));
  }
}

coaching::TopicFiles shared_of(const coaching::TopicFiles& files) {
  coaching::TopicFiles shared;
  for (const auto& [name, text] : files) {
    if (name.starts_with(kShared)) shared.emplace(name.substr(kShared.size()), text);
  }
  return shared;
}

void write_folder(const fs::path& folder, const coaching::TopicFiles& files) {
  fs::create_directories(folder);
  for (const auto& [name, text] : files) write_file(folder / name, text);
}

}  // namespace

coaching::TopicFiles read_with_shared(const std::string& folder) {
  const auto path = fs::path(folder).lexically_normal();
  if (!is_topic_folder(path)) throw UsageError(fmt::format("{} is no topic: it holds no topic.yaml", folder));
  auto files = coaching::read_topic_folder(path.string());
  for (const auto& shared : {path / "_shared", fs::absolute(path).parent_path() / "_shared"}) {
    if (!fs::is_directory(shared)) continue;
    for (auto& [name, text] : coaching::read_topic_folder(shared.string()))
      files.emplace(std::string(kShared) + name, text);
    break;
  }
  return files;
}

std::vector<std::string> topic_folders_in(const std::string& directory) {
  if (is_topic_folder(directory)) {
    const auto path = fs::path(directory).lexically_normal();
    return {path.has_filename() ? path.string() : path.parent_path().string()};
  }
  if (!fs::is_directory(directory)) throw UsageError(fmt::format("there is no folder {}", directory));
  std::vector<std::string> folders;
  for (const auto& entry : fs::directory_iterator(directory)) {
    // One without a topic.yaml is a topic that somebody began, or lost: whoever reads it says so.
    const auto name = entry.path().filename().string();
    if (entry.is_directory() && !name.starts_with('_') && !name.starts_with('.'))
      folders.push_back(entry.path().string());
  }
  std::ranges::sort(folders);
  if (folders.empty()) throw UsageError(fmt::format("{} holds no topic", directory));
  return folders;
}

void write_topic(const std::string& directory, const std::string& id, const coaching::TopicFiles& files,
                 bool overwrite) {
  const auto folder = fs::path(directory) / id;
  if (fs::exists(folder) && !overwrite) {
    throw base::Error(base::Code::validation_error,
                      fmt::format("{} is there already; --force writes over it", folder.string()));
  }
  coaching::TopicFiles own;
  for (const auto& [name, text] : files) {
    if (!name.starts_with(kShared)) own.emplace(name, text);
  }
  write_folder(folder, own);
  const auto shared = shared_of(files);
  const auto common = fs::path(directory) / "_shared";
  if (!fs::exists(common)) {
    write_folder(common, shared);
  } else if (coaching::read_topic_folder(common.string()) != shared) {
    write_folder(folder / "_shared", shared);
  }
}

}  // namespace cli
