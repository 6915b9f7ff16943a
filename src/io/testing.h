#pragma once

#include "io/files.h"

#include <gtest/gtest.h>
#include <isa-l/igzip_lib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate::io::testing {

/// Gives its bytes in pieces of `piece` at most.
class PieceSource : public Source {
 public:
  PieceSource(std::string_view bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
  Result<std::size_t> read(std::span<char> into) override {
    const std::size_t count = std::min({into.size(), bytes_.size(), piece_});
    std::copy_n(bytes_.begin(), count, into.begin());
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  std::size_t piece_;
};

/// Gives its bytes in pieces of `piece` at most, and fails where they end.
class FaultySource : public Source {
 public:
  FaultySource(std::string_view bytes, std::size_t piece) : bytes_(bytes, piece) {}
  static Error fault() { return {Code::FileUnreadable, "the cable was pulled"}; }
  Result<std::size_t> read(std::span<char> into) override {
    Result<std::size_t> got = bytes_.read(into);
    if (got && *got == 0) return std::unexpected(fault());
    return got;
  }

 private:
  PieceSource bytes_;
};

/// A SourceFile whose readers give `piece` bytes at a time.
class PieceFile : public SourceFile {
 public:
  PieceFile(std::string bytes, std::size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}
  Result<std::unique_ptr<Source>> open(std::uint64_t offset) const override {
    const auto at = static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes_.size()));
    return std::unique_ptr<Source>(new PieceSource(std::string_view(bytes_).substr(at), piece_));
  }
  std::uint64_t stored_size() const override { return bytes_.size(); }
  std::uint64_t stored_bytes_read() const override { return 0; }
  Result<std::string> sha256() const override { return std::string("not asked for"); }
  const std::string& name() const override { return name_; }

 private:
  std::string bytes_, name_ = "pieces.csv";
  std::size_t piece_;
};

/// Everything that is left in `source`, read `step` bytes at a time; the error as "error: code: text".
inline std::string rest_of(Source& source, std::size_t step = 4096) {
  std::string all;
  std::string piece(step, '\0');
  for (;;) {
    const Result<std::size_t> got = source.read(piece);
    if (!got) return "error: " + std::string(text(got.error().code)) + ": " + to_text(got.error());
    if (*got == 0) return all;
    all.append(piece, 0, *got);
  }
}

/// The same for a file from `offset` on.
inline std::string contents(const SourceFile& file, std::uint64_t offset = 0, std::size_t step = 4096) {
  const Result<std::unique_ptr<Source>> source = file.open(offset);
  if (!source) return "error: " + std::string(text(source.error().code)) + ": " + to_text(source.error());
  return rest_of(**source, step);
}

/// Every file and folder below `folder`, sorted: "a", "a/b".
inline std::vector<std::string> entries_of(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    names.push_back(entry.path().lexically_relative(folder).string());
  std::ranges::sort(names);
  return names;
}

/// A folder of its own, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string made = (std::filesystem::temp_directory_path() / "rowgate-io-XXXXXX").string();
    EXPECT_NE(::mkdtemp(made.data()), nullptr);
    path_ = made;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  std::vector<std::string> entries() const { return entries_of(path_); }

 private:
  std::filesystem::path path_;
};

/// Runs `work` in a child process and gives back the text that it returns: for limits and rights that a
/// process cannot take back.
inline std::string in_child(const std::function<std::string()>& work) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string answer = work();
    const bool sent = ::write(ends[1], answer.data(), answer.size()) == static_cast<ssize_t>(answer.size());
    ::_exit(sent ? 0 : 1);
  }
  ::close(ends[1]);
  std::string answer(4096, '\0');
  std::size_t size = 0;
  for (ssize_t got; (got = ::read(ends[0], answer.data() + size, answer.size() - size)) > 0;)
    size += static_cast<std::size_t>(got);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "the child did not end well";
  answer.resize(size);
  return answer;
}

/// From here on no file of this process may grow beyond `bytes`: a write stops short, as on a full disk, and
/// the next one fails. For in_child().
inline void fill_disk_after(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

inline std::string outcome(const Result<void>& result) {
  return result ? "done" : std::string(text(result.error().code)) + ": " + to_text(result.error());
}

/// One gzip member.
inline std::string gzip(std::string_view bytes) {
  std::string out(bytes.size() + 1024, '\0');
  isal_zstream stream{};
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<std::uint32_t>(bytes.size());
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  EXPECT_EQ(isal_deflate_stateless(&stream), COMP_OK);
  out.resize(stream.total_out);
  return out;
}

/// One zstd frame with a checksum; `window_log` as in `zstd --long`.
inline std::string zstd(std::string_view bytes, int window_log = 0) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  if (window_log != 0) {
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  }
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  while (ZSTD_compressStream2(context.get(), &to, &in, ZSTD_e_end) != 0) {}
  out.resize(to.pos);
  return out;
}

/// `rows` lines of a CSV, each another.
inline std::string csv_rows(std::size_t rows) {
  std::string out = "id,name,datetime,department_id,job_id\n";
  for (std::size_t i = 1; i <= rows; ++i)
    out += std::to_string(i) + ",Ada Example,2021-11-07T02:48:42Z," + std::to_string(i * 7 % 12) + "," +
           std::to_string(i * i % 183) + "\n";
  return out;
}

/// "file.unreadable: ..." or "none".
inline std::string trouble(const Result<std::shared_ptr<SourceFile>>& file) {
  if (file) return "none";
  return std::string(text(file.error().code)) + ": " + to_text(file.error());
}

}  // namespace rowgate::io::testing
