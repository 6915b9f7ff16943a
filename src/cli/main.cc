#include "cli/cli.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

namespace {

/// Output that could not be written must not look like success; a reader that has gone (`| head`) is no
/// trouble.
int end(int exit_code) {
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (written || errno == EPIPE || exit_code != 0) return exit_code;
  std::fputs("rowgate: standard output cannot be written\n", stderr);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  // Beyond `ulimit -f` a write shall fail as on a full disk, not end the process.
  std::signal(SIGXFSZ, SIG_IGN);
  const auto line = rowgate::cli::read_command_line(std::vector<std::string>(argv + 1, argv + argc));
  if (line) return end(rowgate::cli::run_command(*line));
  std::fputs(line.error().to_stdout.c_str(), stdout);
  std::fputs(line.error().to_stderr.c_str(), stderr);
  if (!line.error().to_stderr.ends_with('\n') && !line.error().to_stderr.empty()) std::fputc('\n', stderr);
  return end(line.error().exit_code);
}
