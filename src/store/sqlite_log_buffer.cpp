#include "store/sqlite_log_buffer.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

namespace store::sqlite {

namespace {

constexpr sqlite3_int64 kBufferBytes = 524'288;
constexpr sqlite3_int64 kWriteBytes = 65'536;  // SQLite's own VFS cannot write 128 KB in one call

// The log of one connection. SQLite gives the memory: this struct, and the real file right behind it.
struct LogFile : sqlite3_file {
  sqlite3_file* real = nullptr;
  std::unique_ptr<char[]> buffer;  // from the first write on: most connections only read
  sqlite3_int64 start = 0;         // where in the file the buffer belongs
  sqlite3_int64 size = 0;          // of what is not written yet
};
static_assert(sizeof(LogFile) % alignof(void*) == 0);

LogFile& log(sqlite3_file* file) { return *static_cast<LogFile*>(file); }

// What could not be written stays in the buffer, so that no later success can leave a gap.
int flush(LogFile& file) {
  for (sqlite3_int64 done = 0; done < file.size;) {
    const auto amount = std::min(file.size - done, kWriteBytes);
    const int result =
        file.real->pMethods->xWrite(file.real, file.buffer.get() + done, static_cast<int>(amount), file.start + done);
    if (result != SQLITE_OK) return result;
    done += amount;
  }
  file.size = 0;
  return SQLITE_OK;
}

int close_file(sqlite3_file* file) {
  auto& self = log(file);
  const int flushed = flush(self);
  const int closed = self.real->pMethods->xClose(self.real);
  self.~LogFile();
  return flushed == SQLITE_OK ? closed : flushed;
}

int read(sqlite3_file* file, void* into, int amount, sqlite3_int64 offset) {
  auto& self = log(file);
  const bool overlaps = offset < self.start + self.size && self.start < offset + amount;
  if (const int result = overlaps ? flush(self) : SQLITE_OK; result != SQLITE_OK) return result;
  return self.real->pMethods->xRead(self.real, into, amount, offset);
}

int write(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
  auto& self = log(file);
  if (!self.buffer) self.buffer.reset(new (std::nothrow) char[kBufferBytes]);
  if (!self.buffer) return SQLITE_IOERR_NOMEM;
  // After a rollback SQLite writes the same place again: what was there is void.
  if (self.size > 0 && offset >= self.start && offset < self.start + self.size) self.size = offset - self.start;
  if (offset != self.start + self.size || self.size + amount > kBufferBytes) {
    if (const int result = flush(self); result != SQLITE_OK) return result;
    if (amount > kBufferBytes) return self.real->pMethods->xWrite(self.real, from, amount, offset);
  }
  if (self.size == 0) self.start = offset;
  std::memcpy(self.buffer.get() + self.size, from, static_cast<std::size_t>(amount));
  self.size += amount;
  return SQLITE_OK;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int result = flush(log(file));
  return result != SQLITE_OK ? result : log(file).real->pMethods->xTruncate(log(file).real, size);
}

int sync(sqlite3_file* file, int flags) {
  const int result = flush(log(file));
  return result != SQLITE_OK ? result : log(file).real->pMethods->xSync(log(file).real, flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  const int result = flush(log(file));
  return result != SQLITE_OK ? result : log(file).real->pMethods->xFileSize(log(file).real, size);
}

int lock(sqlite3_file* file, int level) { return log(file).real->pMethods->xLock(log(file).real, level); }
int unlock(sqlite3_file* file, int level) { return log(file).real->pMethods->xUnlock(log(file).real, level); }
int check_lock(sqlite3_file* file, int* held) {
  return log(file).real->pMethods->xCheckReservedLock(log(file).real, held);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return log(file).real->pMethods->xFileControl(log(file).real, operation, argument);
}
int sector_size(sqlite3_file* file) { return log(file).real->pMethods->xSectorSize(log(file).real); }
int characteristics(sqlite3_file* file) { return log(file).real->pMethods->xDeviceCharacteristics(log(file).real); }

sqlite3_io_methods methods() {
  sqlite3_io_methods all{};
  all.iVersion = 1;  // shared memory and memory mapping, from 2 on, are for the database file
  all.xClose = close_file;
  all.xRead = read;
  all.xWrite = write;
  all.xTruncate = truncate;
  all.xSync = sync;
  all.xFileSize = file_size;
  all.xLock = lock;
  all.xUnlock = unlock;
  all.xCheckReservedLock = check_lock;
  all.xFileControl = control;
  all.xSectorSize = sector_size;
  all.xDeviceCharacteristics = characteristics;
  return all;
}
const sqlite3_io_methods kMethods = methods();

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out);

// SQLite's own VFS with another way to open files.
struct Vfs : sqlite3_vfs {
  explicit Vfs(sqlite3_vfs* original) : sqlite3_vfs(*original), real(original) {
    pNext = nullptr;
    zName = "purposepath";
    szOsFile += static_cast<int>(sizeof(LogFile));
    xOpen = open_file;
    sqlite3_vfs_register(this, 0);
  }
  sqlite3_vfs* real;
};

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  auto* real_vfs = static_cast<Vfs*>(vfs)->real;
  if ((flags & SQLITE_OPEN_WAL) == 0) return real_vfs->xOpen(real_vfs, name, file, flags, flags_out);
  auto* self = new (file) LogFile{};
  self->pMethods = nullptr;
  self->real = reinterpret_cast<sqlite3_file*>(self + 1);
  self->real->pMethods = nullptr;
  const int result = real_vfs->xOpen(real_vfs, name, self->real, flags, flags_out);
  if (result == SQLITE_OK) {
    self->pMethods = &kMethods;
    return result;
  }
  if (self->real->pMethods != nullptr) self->real->pMethods->xClose(self->real);
  self->~LogFile();
  return result;
}

}  // namespace

const char* buffered_log_vfs() {
  static Vfs vfs(sqlite3_vfs_find(nullptr));
  return vfs.zName;
}

}  // namespace store::sqlite
