#include "api/core/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace rowgate::api {
namespace {

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// proc(5): the two first numbers of /proc/self/statm are pages of address space and of memory.
struct Memory {
  double virtual_bytes = 0, resident_bytes = 0;
};
Memory memory() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  return {pages * page, resident * page};
}

double open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return 0;
  return static_cast<double>(std::distance(begin(files), end(files))) - 1;  // less the one that reads them
}

/// Field 22 of /proc/self/stat is the start in clock ticks after boot; the name in field 2 may hold spaces.
double start_time() {
  std::ifstream file("/proc/self/stat"), boot("/proc/stat");
  std::stringstream whole;
  whole << file.rdbuf();
  std::istringstream rest(whole.str().substr(std::min(whole.str().size(), whole.str().rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 22; ++field) rest >> skipped;
  double ticks = 0, boot_time = 0;
  rest >> ticks;
  for (std::string word; boot >> word;)
    if (word == "btime") boot >> boot_time;
  return boot_time + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessMetrics::ProcessMetrics(prometheus::Registry& registry)
    : cpu_seconds_(prometheus::BuildCounter()
                       .Name("process_cpu_seconds_total")
                       .Help("User and system CPU time.")
                       .Register(registry)
                       .Add({})),
      resident_bytes_(gauge(registry, "process_resident_memory_bytes", "Memory in use.")),
      virtual_bytes_(gauge(registry, "process_virtual_memory_bytes", "Address space.")),
      open_fds_(gauge(registry, "process_open_fds", "Open file descriptors.")),
      max_fds_(gauge(registry, "process_max_fds", "The limit of file descriptors.")),
      start_time_(gauge(registry, "process_start_time_seconds", "When the process began, since 1970.")) {
  start_time_.Set(start_time());
}

void ProcessMetrics::measure() {
  cpu_seconds_.Increment(std::max(0.0, cpu_seconds() - cpu_seconds_.Value()));
  const Memory now = memory();
  resident_bytes_.Set(now.resident_bytes);
  virtual_bytes_.Set(now.virtual_bytes);
  open_fds_.Set(open_descriptors());
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  max_fds_.Set(static_cast<double>(limit.rlim_cur));
}

}  // namespace rowgate::api
