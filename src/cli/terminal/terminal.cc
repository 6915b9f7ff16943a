#include "cli/terminal/terminal.h"

#include "base/text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace rowgate::cli {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

/// https://no-color.org and https://bixense.com/clicolors: a flag beats CLICOLOR_FORCE, which beats NO_COLOR.
bool wants_color(ColorChoice choice, bool is_tty) {
  if (choice != ColorChoice::Auto) return choice == ColorChoice::Always;
  const std::string_view forced = variable("CLICOLOR_FORCE");
  if (!forced.empty() && forced != "0") return true;
  if (!variable("NO_COLOR").empty() || variable("TERM") == "dumb") return false;
  return is_tty;
}

/// POSIX: LC_ALL, then LC_CTYPE, then LANG; the first that is set and not empty counts.
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = variable(name);
    if (value.empty()) continue;
    const std::string lower = lower_ascii(value);
    return lower.contains("utf-8") || lower.contains("utf8");
  }
  return false;
}

std::size_t terminal_width() {
  for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO}) {
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  const std::string_view columns = variable("COLUMNS");
  std::size_t width = 0;
  const auto [end, error] = std::from_chars(columns.data(), columns.data() + columns.size(), width);
  const bool whole = error == std::errc() && end == columns.data() + columns.size();
  return whole && width > 0 ? width : 80;
}

constexpr std::pair<std::string_view, std::string_view> kStyles[] = {
    {"bold", "\033[1m"},   {"dim", "\033[2m"},     {"red", "\033[1;31m"},
    {"green", "\033[32m"}, {"yellow", "\033[33m"}, {"cyan", "\033[36m"},
};

void write_line(std::FILE* stream, std::string_view text) {
  std::string line(text);
  if (!line.ends_with('\n')) line += '\n';
  // One call, so that lines of a progress thread do not mix with it. Nobody is left to be told when it fails.
  std::fwrite(line.data(), 1, line.size(), stream);
}

}  // namespace

std::string Terminal::styled(std::string_view style, std::string_view text) const {
  if (!color) return std::string(text);
  for (const auto& [name, sequence] : kStyles)
    if (name == style) return std::string(sequence) + std::string(text) + "\033[0m";
  return std::string(text);
}

std::string Terminal::command(std::string_view words) const {
  return "rowgate " + std::string(words) + to_flags;
}

std::string shell_word(std::string_view word) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           static_cast<unsigned char>(c) >= 0x80 || std::string_view("_-./:,=@%+").contains(c);
  };
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

void Terminal::say(std::string_view text) const {
  if (!quiet) write_line(stderr, text);
}

void Terminal::warn(std::string_view text) const {
  write_line(stderr, text);
}

void Terminal::out(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

Terminal detect_terminal(ColorChoice color) {
  Terminal terminal;
  terminal.stderr_is_tty = isatty(STDERR_FILENO) == 1;
  terminal.stdout_is_tty = isatty(STDOUT_FILENO) == 1;
  terminal.stdin_is_tty = isatty(STDIN_FILENO) == 1;
  terminal.color = wants_color(color, terminal.stderr_is_tty);
  terminal.stdout_color = wants_color(color, terminal.stdout_is_tty);
  terminal.utf8 = locale_is_utf8();
  terminal.width = terminal_width();
  return terminal;
}

}  // namespace rowgate::cli
