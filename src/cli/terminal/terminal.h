#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rowgate::cli {

/// What the person at the other end can see. stdout is data, stderr is talk.
struct Terminal {
  bool color = false;  ///< of stderr; NO_COLOR, CLICOLOR_FORCE, TERM=dumb and --color are honoured
  bool stdout_color = false;
  bool utf8 = true;  ///< else marks fall back to ok, error, warn
  bool stderr_is_tty = false, stdout_is_tty = false, stdin_is_tty = false;
  std::size_t width = 80;
  bool json = false, quiet = false, no_input = false;
  int verbose = 0;
  std::string to_flags =
      {};  ///< " --to sqlite:people.db": what a shown command needs to find the same tables

  /// Text in a style for stderr when colour is on: "bold", "red", "yellow", "green", "cyan", "dim".
  std::string styled(std::string_view style, std::string_view text) const;
  std::string_view mark_ok() const { return utf8 ? "\xE2\x9C\x94" : "ok"; }
  std::string_view mark_warn() const { return utf8 ? "\xE2\x96\xB2" : "warn"; }
  std::string_view mark_error() const { return utf8 ? "\xE2\x9C\x96" : "error"; }
  /// "rowgate rejects run_01 --to sqlite:people.db", ready for a shell.
  std::string command(std::string_view words) const;
  void say(std::string_view text) const;   ///< a line to stderr, unless quiet
  void warn(std::string_view text) const;  ///< a line to stderr, always
  void out(std::string_view text) const;   ///< bytes to stdout as they are
};

/// A word of a command line, in quotes where a shell wants them.
std::string shell_word(std::string_view word);

enum class ColorChoice { Auto, Always, Never };
Terminal detect_terminal(ColorChoice color);

/// Display columns of UTF-8 text (wide characters 2, combining ones 0, tabs 1).
std::size_t display_width(std::string_view text);

}  // namespace rowgate::cli
