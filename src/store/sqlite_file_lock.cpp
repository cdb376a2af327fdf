#include "store/sqlite_file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace store::sqlite {

namespace {

[[noreturn]] void refuse(const std::string& path, std::string_view reason, const std::string& text) {
  throw base::Error(base::Code::dependency_unavailable, text, {{"reason", reason}, {"file", path}});
}

std::string holder(int file) {
  std::array<char, 32> text{};
  const auto size = ::pread(file, text.data(), text.size(), 0);
  std::string id(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id.empty() ? "another server" : "process " + id;
}

[[noreturn]] void refuse_file(const std::string& path, const std::string& lock_path, int error) {
  const bool denied = error == EACCES || error == EROFS || error == EPERM;
  refuse(path, denied ? "read-only" : "cannot be opened",
         fmt::format("The store cannot work with {}: {} cannot be made or opened ({}). See that the folder exists and "
                     "the server's user may write there.",
                     path, lock_path, std::strerror(error)));
}

}  // namespace

FileLock::FileLock(const std::string& path) {
  const auto lock_path = path + ".lock";
  file_ = ::open(lock_path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0) refuse_file(path, lock_path, errno);
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const auto who = holder(file_);
    ::close(file_);
    if (error != EWOULDBLOCK) refuse_file(path, lock_path, error);
    refuse(path, "locked by another process",
           fmt::format("The store {} is in use by {}. Stop that server first, or choose another folder.", path, who));
  }
  const auto id = std::to_string(::getpid()) + "\n";
  // Only for the message above: that it may fail on a full disk does not matter.
  if (::ftruncate(file_, 0) == 0) [[maybe_unused]]
    const auto written = ::pwrite(file_, id.data(), id.size(), 0);
}

FileLock::~FileLock() { ::close(file_); }

}  // namespace store::sqlite
