#pragma once
// What the kernel knows about this process, for /metrics and the idle-memory test.
#include <cstdint>

namespace telemetry {

struct ProcessStatus {
  std::int64_t resident_bytes = 0;
  double cpu_seconds = 0;  // user and system, all threads
  std::int64_t open_descriptors = 0;
  double start_time_s = 0;  // Unix time
};

// Members stay 0 where /proc is not readable.
ProcessStatus read_process_status();

}  // namespace telemetry
