#pragma once
// SQLite writes its log page by page, with two small writes each: a third of what a commit costs. This VFS (SQLite's
// layer for files, https://www.sqlite.org/vfs.html) collects them and writes them at once before the log is synced.
// Only right with synchronous=FULL, where SQLite syncs the log before it lets anybody read the new pages.
namespace store::sqlite {

// Registers the VFS the first time and returns its name for sqlite3_open_v2(). Any thread.
const char* buffered_log_vfs();

}  // namespace store::sqlite
