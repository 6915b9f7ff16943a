#include "cli/terminal/progress_bar.h"

#include "base/text.h"
#include "cli/terminal/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace rowgate::cli {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Phase = load::Progress::Phase;

constexpr Milliseconds kBeforeBar{300}, kBetweenBars{100}, kBetweenLines{10'000};
constexpr std::size_t kBarCells = 24, kLeastWidthForBar = 70;
constexpr std::string_view kClearLine = "\r\033[K";

std::string_view phase_text(Phase phase) {
  switch (phase) {
    case Phase::Inspect:
      return "opening";
    case Phase::Infer:
      return "finding types";
    case Phase::Check:
      return "loading";
    case Phase::Keys:
      return "checking keys";
    case Phase::Settle:
      return "writing";
    case Phase::Rejects:
      return "keeping bad rows";
    case Phase::Commit:
      return "committing";
    case Phase::Done:
      return "done";
  }
  return "";
}

std::string bar(double share, bool utf8) {
  const auto full = static_cast<std::size_t>(share * static_cast<double>(kBarCells));
  std::string out;
  for (std::size_t i = 0; i < kBarCells; ++i)
    out += utf8 ? (i < full ? "\xE2\x96\x88" : "\xE2\x96\x91") : (i < full ? "#" : ".");  // U+2588, U+2591
  return out;
}

}  // namespace

std::string progress_line(const load::Progress& progress, std::string_view label, Milliseconds running,
                          std::size_t width, bool utf8) {
  const std::uint64_t total = progress.bytes_total,
                      read = std::min<std::uint64_t>(progress.bytes_read, total);
  const std::uint64_t rows = progress.rows_read, bad = progress.rows_rejected;
  const double share = total == 0 ? 0 : static_cast<double>(read) / static_cast<double>(total);
  std::string line = fmt::format("  {}  {}", label, phase_text(progress.phase));
  if (width >= kLeastWidthForBar) line += "  " + bar(share, utf8);
  line += fmt::format("  {:.0f} %  {} rows", share * 100, grouped(rows));
  if (bad > 0) line += fmt::format(", {} bad", grouped(bad));
  if (running.count() >= 1000) line += fmt::format("  {:.0f} s", static_cast<double>(running.count()) / 1000);
  return cut_to_width(line, width);
}

struct ProgressBar::State {
  const Terminal& terminal;
  std::string label;
  const load::Progress& progress;
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  std::mutex mutex = {};
  std::condition_variable_any wake = {};
  bool is_shown = false;
  std::jthread thread = {};

  Milliseconds running() const {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began);
  }

  void clear_locked() {
    if (is_shown) std::fwrite(kClearLine.data(), 1, kClearLine.size(), stderr);
    is_shown = false;
  }

  void draw_locked() {
    const std::size_t width = terminal.width > 1 ? terminal.width - 1 : 1;  // a full line would wrap
    std::string line = progress_line(progress, label, running(), width, terminal.utf8);
    if (terminal.stderr_is_tty) {
      line.insert(0, kClearLine);
      std::fwrite(line.data(), 1, line.size(), stderr);
      std::fflush(stderr);
      is_shown = true;
    } else {
      terminal.say(line);
    }
  }

  void show(std::stop_token stop) {
    std::unique_lock lock(mutex);
    Milliseconds pause = terminal.stderr_is_tty ? kBeforeBar : kBetweenLines;
    while (true) {
      wake.wait_for(lock, stop, pause, [] { return false; });
      if (stop.stop_requested()) return;
      draw_locked();
      if (terminal.stderr_is_tty) pause = kBetweenBars;
    }
  }
};

ProgressBar::ProgressBar(const Terminal& terminal, std::string label, const load::Progress& progress)
    : state_(new State{.terminal = terminal, .label = std::move(label), .progress = progress}) {
  if (terminal.quiet) return;
  state_->thread =
      std::jthread([state = state_.get()](std::stop_token stop) { state->show(std::move(stop)); });
}

ProgressBar::~ProgressBar() {
  if (state_->thread.joinable()) {
    state_->thread.request_stop();
    state_->thread.join();
  }
  clear();
}

void ProgressBar::clear() {
  const std::lock_guard lock(state_->mutex);
  state_->clear_locked();
}

}  // namespace rowgate::cli
