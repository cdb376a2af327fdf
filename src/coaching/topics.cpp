// All topics: those in the binary, and those of a folder.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

#include "base/embedded.hpp"
#include "base/json.hpp"
#include "coaching/topic.hpp"

namespace coaching {
namespace {

constexpr std::size_t kMaxFileBytes = 1'000'000;

// As they were built: YAML is JSON here, because reading YAML at start would take too long.
TopicFiles embedded_folder(std::string_view prefix) {
  TopicFiles files;
  for (const auto name : base::embedded_names(prefix)) {
    files.emplace(name.substr(prefix.size()), *base::embedded(name));
  }
  return files;
}

// As their author wrote them.
TopicFiles embedded_source(std::string_view folder) { return embedded_folder(fmt::format("sources/{}/", folder)); }

Topic read_embedded(const std::string& id) {
  const auto folder = fmt::format("topics/{}", id);
  auto topic = read_topic(embedded_folder(folder + "/"), embedded_folder("topics/_shared/"), folder);
  topic.hash = hash_files(embedded_source(folder), embedded_source("topics/_shared"));
  return topic;
}

std::vector<std::string> embedded_ids() {
  constexpr std::string_view kRoot = "topics/";
  std::vector<std::string> ids;
  for (const auto name : base::embedded_names(kRoot)) {
    if (!name.ends_with("/topic.json")) continue;
    ids.emplace_back(name.substr(kRoot.size(), name.rfind('/') - kRoot.size()));
  }
  return ids;
}

// What was read of a folder: kept, because the folder may change while the service runs.
struct Folder {
  TopicFiles shared;
  std::map<std::string, TopicFiles, std::less<>> files;
  std::vector<Topic> topics;
};

Folder load_directory(TopicFiles shared, const std::string& directory) {
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
  Folder read{std::move(shared), {}, {}};
  for (const auto& folder : folders) {
    if (folder == own_shared) continue;
    auto files = read_topic_folder(folder);
    auto topic = read_topic(files, read.shared, folder);
    read.files.insert_or_assign(topic.id, std::move(files));
    read.topics.push_back(std::move(topic));
  }
  return read;
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
  return std::filesystem::is_directory(own) ? read_topic_folder(own) : embedded_source("topics/_shared");
}

struct Topics::Slot {
  std::once_flag read;
  std::shared_ptr<const Topic> topic;
};

Topics::Topics() = default;
Topics::Topics(Topics&&) noexcept = default;
Topics& Topics::operator=(Topics&&) noexcept = default;
Topics::~Topics() = default;

Topics Topics::load(const std::string& directory) {
  Topics loaded;
  loaded.shared_ = embedded_source("topics/_shared");
  for (auto& id : embedded_ids()) loaded.slots_.emplace(std::move(id), std::make_unique<Slot>());
  if (directory.empty()) return loaded;
  auto read = load_directory(loaded.shared_, directory);
  loaded.shared_ = std::move(read.shared);
  loaded.folder_files_ = std::move(read.files);
  for (auto& topic : read.topics) {
    auto slot = std::make_unique<Slot>();
    const auto id = topic.id;
    std::call_once(slot->read, [&] { slot->topic = std::make_shared<const Topic>(std::move(topic)); });
    loaded.slots_.insert_or_assign(id, std::move(slot));
  }
  return loaded;
}

std::shared_ptr<const Topic> Topics::topic_of(const std::string& id, Slot& slot) {
  std::call_once(slot.read, [&] { slot.topic = std::make_shared<const Topic>(read_embedded(id)); });
  return slot.topic;
}

TopicFiles Topics::files(std::string_view id) const {
  const auto own = folder_files_.find(id);
  auto files = own != folder_files_.end() ? own->second : embedded_source(fmt::format("topics/{}", id));
  if (files.empty()) return files;
  const auto shared = own != folder_files_.end() ? shared_ : embedded_source("topics/_shared");
  for (const auto& [name, text] : shared) files.emplace("_shared/" + name, text);
  return files;
}

std::shared_ptr<const Topic> Topics::find(std::string_view id) const {
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : topic_of(found->first, *found->second);
}

std::vector<std::string> Topics::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, slot] : slots_) ids.push_back(id);
  return ids;
}

std::vector<std::shared_ptr<const Topic>> Topics::all() const {
  std::vector<std::shared_ptr<const Topic>> topics;
  for (const auto& [id, slot] : slots_) topics.push_back(topic_of(id, *slot));
  return topics;
}

}  // namespace coaching
