#include "telemetry/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace telemetry {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::int64_t count_descriptors() {
  std::error_code failed;
  const std::filesystem::directory_iterator entries("/proc/self/fd", failed);
  if (failed) return 0;
  return std::distance(begin(entries), end(entries)) - 1;  // one of them reads the directory
}

// Field 22 of /proc/self/stat counts clock ticks since boot (proc(5)); the command in field 2 may hold spaces.
double start_time() {
  const auto stat = read_file("/proc/self/stat");
  const auto boot_line = read_file("/proc/stat");
  const auto boot_at = boot_line.find("btime ");
  const auto command_end = stat.rfind(')');
  if (boot_at == std::string::npos || command_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(command_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  const auto ticks = std::strtod(field.c_str(), nullptr);
  const auto boot = std::strtod(boot_line.c_str() + boot_at + 6, nullptr);
  return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::int64_t resident() {
  std::istringstream fields(read_file("/proc/self/statm"));
  std::int64_t size = 0;
  std::int64_t pages = 0;
  fields >> size >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

}  // namespace

ProcessStatus read_process_status() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {.resident_bytes = resident(),
          .cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime),
          .open_descriptors = count_descriptors(),
          .start_time_s = start_time()};
}

}  // namespace telemetry
