#include "http/secrets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "http/base64url.hpp"

namespace http {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024;
constexpr base::Milliseconds kLookEvery{1000};

[[noreturn]] void refuse(std::string message) { throw base::Error(base::Code::validation_error, std::move(message)); }

[[noreturn]] void unavailable(std::string_view doing, const std::string& path, int reason) {
  throw base::Error(base::Code::dependency_unavailable,
                    fmt::format("cannot {} {}: {}", doing, path, std::generic_category().message(reason)));
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }
  bool open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

std::string read_all(const File& file, const std::string& path) {
  std::string text(kMaxFileBytes + 1, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): two lines of a local file, once for each change
    const auto got = ::read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) unavailable("read the secret file", path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (filled > kMaxFileBytes) refuse(fmt::format("the secret file {} is larger than {} bytes", path, kMaxFileBytes));
  text.resize(filled);
  return text;
}

std::string read_all(const std::string& path) {
  const File file(path, O_RDONLY);
  if (!file.open()) unavailable("open the secret file", path, errno);
  return read_all(file, path);
}

void check_key(const base::Secret& key, std::string_view where) {
  if (key.reveal().size() >= kMinKeyBytes) return;
  refuse(
      fmt::format("the secret in {} has {} bytes; it needs at least {}, at random. Make one with: "
                  "openssl rand -base64 48",
                  where, key.reveal().size(), kMinKeyBytes));
}

void check_keys(const Keys& keys, std::string_view where) {
  check_key(keys.current, where);
  if (!keys.previous.empty()) check_key(keys.previous, fmt::format("{} (the previous one)", where));
}

Keys keys_from_json(std::string_view text, std::string_view where) {
  Keys keys;
  try {
    const auto value = base::parse_json(text, 4);
    const auto& members = value.as_object();
    keys.current = base::Secret(std::string(members.at("current").as_string()));
    const auto* previous = members.if_contains("previous");
    if (previous != nullptr && !previous->is_null()) keys.previous = base::Secret(std::string(previous->as_string()));
  } catch (const std::exception&) {
    refuse(fmt::format(R"({} looks like JSON, but is not {{"current": "…", "previous": "…"}})", where));
  }
  return keys;
}

}  // namespace

Keys parse_keys(std::string_view text, std::string_view where) {
  text = base::trim(text);
  if (text.empty()) refuse(fmt::format("there is no secret in {}", where));
  Keys keys;
  if (text.front() == '{') {
    keys = keys_from_json(text, where);
  } else {
    const auto end = text.find('\n');
    keys.current = base::Secret(std::string(base::trim(text.substr(0, end))));
    const auto rest = end == std::string_view::npos ? std::string_view() : base::trim(text.substr(end));
    if (rest.find('\n') != std::string_view::npos) {
      refuse(fmt::format("{} has more than two lines; it takes the current and the previous secret", where));
    }
    keys.previous = base::Secret(std::string(rest));
  }
  check_keys(keys, where);
  return keys;
}

Secrets::Secrets(const AuthOptions& options, const base::Clock& clock) : file_(options.secret_file), clock_(clock) {
  if (!file_.empty() && !options.secret.empty()) refuse("give auth.secret or auth.secret_file, not both");
  if (file_.empty()) {
    if (options.secret.empty()) refuse("no secret to verify tokens with: set auth.secret or auth.secret_file");
    Keys keys{options.secret, options.previous_secret};
    check_keys(keys, "auth.secret");
    keys_ = std::make_shared<const Keys>(std::move(keys));
    return;
  }
  stamp_ = stamp_of(file_);
  keys_ = std::make_shared<const Keys>(parse_keys(read_all(file_), file_));
  next_look_ms_ = (clock_.now() + kLookEvery).time_since_epoch().count();
}

std::uint64_t Secrets::generation() {
  if (!file_.empty()) {
    const auto now_ms = clock_.now().time_since_epoch().count();
    auto next_ms = next_look_ms_.load(std::memory_order_relaxed);
    // One thread wins and looks; a clock that was set back far does not stop the looking.
    const bool due = now_ms >= next_ms || next_ms - now_ms > 2 * kLookEvery.count();
    if (due && next_look_ms_.compare_exchange_strong(next_ms, now_ms + kLookEvery.count())) look_at_file();
  }
  return generation_.load(std::memory_order_acquire);
}

std::shared_ptr<const Keys> Secrets::keys() {
  generation();
  const std::scoped_lock lock(mutex_);
  return keys_;
}

std::string Secrets::fault() const {
  const std::scoped_lock lock(mutex_);
  return fault_;
}

Secrets::Stamp Secrets::stamp_of(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) unavailable("find the secret file", path, errno);
  const auto nanoseconds = [](const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; };
  return {nanoseconds(found.st_mtim), nanoseconds(found.st_ctim), found.st_ino,
          static_cast<std::uint64_t>(found.st_size)};
}

void Secrets::look_at_file() {
  const std::scoped_lock lock(mutex_);
  try {
    const auto stamp = stamp_of(file_);
    if (stamp == stamp_ && fault_.empty()) return;
    auto keys = parse_keys(read_all(file_), file_);
    stamp_ = stamp;
    fault_.clear();
    if (keys.current == keys_->current && keys.previous == keys_->previous) return;
    keys_ = std::make_shared<const Keys>(std::move(keys));
    generation_.fetch_add(1, std::memory_order_release);
  } catch (const base::Error& error) {
    fault_ = error.message;  // shown by /health/ready; read again at every look until it is well
  }
}

namespace {

base::Secret read_development_secret(const std::string& path) {
  const File file(path, O_RDONLY | O_NOFOLLOW);
  if (!file.open()) unavailable("open the development secret", path, errno);
  struct stat found{};
  if (::fstat(file.get(), &found) != 0) unavailable("look at the development secret", path, errno);
  if ((found.st_mode & 077) != 0) {
    refuse(
        fmt::format("the development secret {} is open to other users of this machine; "
                    "close it with: chmod 600 {}",
                    path, path));
  }
  base::Secret secret(std::string(base::trim(read_all(file, path))));
  if (secret.reveal().size() < kMinKeyBytes) {
    refuse(fmt::format("{} does not hold a development secret; remove it and start again to get a new one", path));
  }
  return secret;
}

void write_all(const File& file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const auto written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) unavailable("write the development secret", path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) unavailable("write the development secret", path, errno);
}

// Written beside and linked into place: the name never stands for half a key, and link(), unlike rename(), leaves the
// key alone that another server may have put there in the meantime.
void create_development_secret(const std::filesystem::path& data, const std::string& path, base::Random& random) {
  std::string bytes(48, '\0');
  random.fill(std::as_writable_bytes(std::span(bytes)));
  const auto draft = fmt::format("{}.{}.{:016x}", path, ::getpid(), random.next());
  {
    const File file(draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (!file.open()) unavailable("create the development secret", draft, errno);
    write_all(file, base64url_encode(bytes) + '\n', draft);
  }
  const int failed = ::link(draft.c_str(), path.c_str()) == 0 ? 0 : errno;
  ::unlink(draft.c_str());
  if (failed != 0 && failed != EEXIST) unavailable("create the development secret", path, failed);
  const File folder(data.string(), O_RDONLY | O_DIRECTORY);
  if (!folder.open() || ::fsync(folder.get()) != 0) unavailable("write the folder of", path, errno);
}

}  // namespace

base::Secret load_or_create_development_secret(const std::filesystem::path& data, base::Random& random) {
  const auto path = (data / "dev-secret").string();
  std::error_code failed;
  std::filesystem::create_directories(data, failed);
  if (failed) unavailable("create the folder", data.string(), failed.value());
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) unavailable("look for the development secret", path, errno);
    create_development_secret(data, path, random);
  }
  return read_development_secret(path);
}

}  // namespace http
