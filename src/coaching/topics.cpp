// All topics: those in the binary, and those of a folder.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/embedded.hpp"
#include "base/json.hpp"
#include "coaching/topic.hpp"

namespace coaching {
namespace {

constexpr std::size_t kMaxFileBytes = 1'000'000;

TopicFiles embedded_folder(std::string_view prefix) {
  TopicFiles files;
  for (const auto name : base::embedded_names(prefix)) {
    files.emplace(name.substr(prefix.size()), *base::embedded(name));
  }
  return files;
}

using TopicMap = std::map<std::string, std::shared_ptr<const Topic>, std::less<>>;

void add(TopicMap& topics, Topic topic) {
  const auto id = topic.id;
  topics.insert_or_assign(id, std::make_shared<const Topic>(std::move(topic)));
}

void load_embedded(TopicMap& topics, const TopicFiles& shared) {
  constexpr std::string_view kRoot = "topics/";
  for (const auto name : base::embedded_names(kRoot)) {
    if (!name.ends_with("/topic.json")) continue;
    const auto folder = name.substr(0, name.rfind('/') + 1);
    auto topic = read_topic(embedded_folder(folder), shared, folder.substr(0, folder.size() - 1));
    add(topics, std::move(topic));
  }
}

void load_directory(TopicMap& topics, TopicFiles shared, const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code failed;
  std::vector<std::string> folders;
  for (fs::directory_iterator entry(directory, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->is_directory()) folders.push_back(entry->path().string());
  }
  if (failed) {
    throw base::Error(base::Code::validation_error,
                      fmt::format("the topics folder {} cannot be read: {}", directory, failed.message()));
  }
  std::sort(folders.begin(), folders.end());
  const auto own_shared = (fs::path(directory) / "_shared").string();
  if (std::binary_search(folders.begin(), folders.end(), own_shared)) shared = read_topic_folder(own_shared);
  for (const auto& folder : folders) {
    if (folder == own_shared) continue;
    auto topic = read_topic(read_topic_folder(folder), shared, folder);
    add(topics, std::move(topic));
  }
}

}  // namespace

TopicFiles read_topic_folder(const std::string& directory) {
  namespace fs = std::filesystem;
  const auto fail = [&](std::string_view file, std::string_view what) {
    throw base::Error(base::Code::validation_error, fmt::format("{}/{}: {}", directory, file, what));
  };
  TopicFiles files;
  std::error_code failed;
  for (fs::directory_iterator entry(directory, failed), end; !failed && entry != end; entry.increment(failed)) {
    const auto name = entry->path().filename().string();
    if (!entry->is_regular_file() || name.starts_with('.')) continue;
    if (entry->file_size() > kMaxFileBytes) fail(name, "the file is larger than 1 MB");
    std::ifstream in(entry->path(), std::ios::binary);
    if (!in) fail(name, "the file cannot be read");
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!base::is_utf8(text)) fail(name, "the file is not UTF-8");
    files.emplace(name, std::move(text));
  }
  if (failed) fail("", failed.message());
  return files;
}

TopicFiles shared_topic_files(const std::string& directory) {
  const auto own = (std::filesystem::path(directory) / "_shared").string();
  return std::filesystem::is_directory(own) ? read_topic_folder(own) : embedded_folder("topics/_shared/");
}

Topics Topics::load(const std::string& directory) {
  const auto shared = embedded_folder("topics/_shared/");
  TopicMap topics;
  load_embedded(topics, shared);
  if (!directory.empty()) load_directory(topics, shared, directory);
  Topics loaded;
  for (const auto& [id, topic] : topics) loaded.topics_.push_back(topic);
  return loaded;
}

std::shared_ptr<const Topic> Topics::find(std::string_view id) const {
  const auto found = std::lower_bound(topics_.begin(), topics_.end(), id,
                                      [](const auto& topic, std::string_view wanted) { return topic->id < wanted; });
  return found == topics_.end() || (*found)->id != id ? nullptr : *found;
}

}  // namespace coaching
