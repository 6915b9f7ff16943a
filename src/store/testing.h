#pragma once

// A real S3 server for tests (versitygw, which checks every signature), and stores in it.

#include "io/testing.h"
#include "store/s3_store.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

namespace rowgate::store::testing {

/// The program: $ROWGATE_S3_SERVER, or where `./dev` builds it.
inline std::string s3_program() {
  const char* given = std::getenv("ROWGATE_S3_SERVER");
  return given != nullptr ? given : "build/tools/versitygw";
}

inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

/// One for the whole test program, on a free port of 127.0.0.1; it ends with the program. Its buckets "plain"
/// and "versioned" are empty.
class S3Server {
 public:
  static S3Server& shared() {
    static S3Server server;
    return server;
  }
  S3Server(const S3Server&) = delete;
  S3Server& operator=(const S3Server&) = delete;
  ~S3Server() { stop(); }

  std::string endpoint() const { return fmt::format("http://127.0.0.1:{}", port_); }
  const std::filesystem::path& folder() const { return folder_.path(); }

  /// For a store below a prefix of its own.
  S3Settings settings(std::string bucket = "plain") const {
    static std::atomic<int> number{0};
    S3Settings settings{.bucket = std::move(bucket),
                        .prefix = fmt::format("test/{}-{}", ::getpid(), number++),
                        .region = "us-east-1",
                        .endpoint = endpoint(),
                        .path_style = true};
    settings.retries.sleep = [](std::chrono::milliseconds) {};
    settings.credentials = aws::fixed_credentials({kAccess, kSecret, "", {}, "the test"});
    return settings;
  }

  static constexpr auto kAccess = "rowgate-test-key";
  static constexpr auto kSecret = "rowgate-test-secret";

 private:
  S3Server() {
    for (const char* name : {"data/plain", "data/versioned", "versions", "meta"})
      std::filesystem::create_directories(folder_ / name);
    for (int tries = 0; tries < 3 && !is_up(); ++tries) start();
    EXPECT_TRUE(is_up()) << "the S3 server '" << s3_program() << "' does not start (./dev setup builds it)";
  }

  bool is_up() const {
    if (child_ <= 0) return false;
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address{.sin_family = AF_INET,
                              .sin_port = htons(static_cast<std::uint16_t>(port_)),
                              .sin_addr = {htonl(INADDR_LOOPBACK)},
                              .sin_zero = {}};
    const bool up = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return up;
  }

  void start() {
    port_ = free_port();
    const std::string program = s3_program(), port = fmt::format("127.0.0.1:{}", port_),
                      data = folder_ / "data", versions = folder_ / "versions", meta = folder_ / "meta",
                      log = folder_ / "log";
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(out, 1);
      ::dup2(out, 2);
      ::execl(program.c_str(), program.c_str(), "--access", kAccess, "--secret", kSecret, "--port",
              port.c_str(), "--keep-alive", "--quiet", "posix", "--sidecar", meta.c_str(), "--versioning-dir",
              versions.c_str(), data.c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 600 && !is_up(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (::waitpid(child_, nullptr, WNOHANG) == child_) child_ = 0;
      if (child_ == 0) return;
    }
  }

  void stop() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

  io::testing::TempFolder folder_;
  int port_ = 0;
  pid_t child_ = 0;
};

}  // namespace rowgate::store::testing
