#pragma once

#include "cli/terminal/terminal.h"
#include "load/progress.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace rowgate::cli {

/// One line that tells how far a load is; without a bar where `width` is too small for one.
std::string progress_line(const load::Progress& progress, std::string_view label,
                          std::chrono::milliseconds running, std::size_t width, bool utf8);

/// Shows a load's progress on stderr while it lives: a bar on a terminal after 0.3 s and at most 10 times a
/// second, elsewhere a line every 10 s; nothing when quiet. Gone when dropped.
class ProgressBar {
 public:
  /// `terminal` and `progress` must outlive it.
  ProgressBar(const Terminal& terminal, std::string label, const load::Progress& progress);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// Takes the bar away so that other lines can be printed; the next one stands below them.
  void clear();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rowgate::cli
