#pragma once
// What the tests of the SQLite store share.
#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include "store/sqlite.hpp"
#include "store/temporary_folder.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace store {

struct SqliteSurroundings {
  SqliteSurroundings() : log(null, telemetry::Level::error, log_clock) {}
  ~SqliteSurroundings() { ::close(null); }

  SqliteOptions options() const { return SqliteOptions{.path = folder.file("store.db")}; }
  std::unique_ptr<Store> open(const base::Clock& clock, SqliteOptions with) {
    return open_sqlite(std::move(with), clock, metrics, log);
  }

  TemporaryFolder folder;
  base::SystemClock log_clock;
  telemetry::Registry metrics;
  int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  telemetry::Log log;
};

}  // namespace store
