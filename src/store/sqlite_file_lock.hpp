#pragma once
// One server per database file: two would each keep their own picture of it, and of the conversations in memory.
#include <string>

namespace store::sqlite {

// Holds PATH.lock (flock; released by the kernel however the process ends). The file stays: deleting it would let two
// processes lock two files of one name.
class FileLock {
 public:
  // Throws Error{dependency_unavailable} when another process holds it (naming its process id), or when the lock file
  // cannot be made.
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace store::sqlite
