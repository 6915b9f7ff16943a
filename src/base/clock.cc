#include "base/clock.h"

#include <fmt/format.h>

#include <chrono>

namespace rowgate {

std::string to_rfc3339(Timestamp at) {
  using namespace std::chrono;
  const sys_time<microseconds> moment{microseconds{at.micros}};
  const sys_days day = floor<days>(moment);
  const year_month_day date{day};
  const hh_mm_ss time{floor<milliseconds>(moment - day)};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

Timestamp SystemClock::now() const {
  using namespace std::chrono;
  return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
}

}  // namespace rowgate
