#include "store/store.h"

#include "base/text.h"
#include "io/files.h"
#include "io/stored_file.h"
#include "store/keys.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace rowgate::store {
namespace {

constexpr std::size_t kCopyBytes = 256 * 1024;
constexpr std::string_view kProbe = "rowgate was here\n";

/// Two at once must not remove each other's file.
FileKey probe_key() {
  static std::atomic<std::uint64_t> number{0};
  return fmt::format("probe-{}-{}", ::getpid(), number++ % 64);
}

}  // namespace

bool is_key_level(std::string_view level) {
  if (level.empty() || level.size() > 150 || level.front() == '.') return false;
  return std::ranges::all_of(level, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::vector<std::string_view> levels_of(std::string_view key) {
  std::vector<std::string_view> levels;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t slash = std::min(key.find('/', begin), key.size());
    levels.push_back(key.substr(begin, slash - begin));
    begin = slash + 1;
  }
  return levels;
}

bool is_key(std::string_view key) {
  const std::vector<std::string_view> levels = levels_of(key);
  return levels.size() <= kMostLevels && std::ranges::all_of(levels, is_key_level);
}

Error no_such_file(const FileKey& key) {
  return {Code::FileNotFound, fmt::format("there is no stored file '{}'", shown(key))};
}

Error not_a_key(const FileKey& key) {
  return {Code::StorageDenied, fmt::format("'{}' is not the name of a stored file", shown(key))};
}

Result<void> pour(io::Source& source, StoreWriter& target) {
  std::string piece(kCopyBytes, '\0');
  for (;;) {
    TRY_ASSIGN(const std::size_t got, source.read(piece));
    if (got == 0) return target.close();
    TRY(target.write(std::string_view(piece).substr(0, got)));
  }
}

Result<std::unique_ptr<io::Source>> Store::open(const FileKey& key) {
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> whole, file(key));
  return whole->open(0);
}

Result<void> Store::adopt(const FileKey& key, const std::filesystem::path& file) {
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> from, io::open_own_file(file, key));
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, from->open(0));
  TRY_ASSIGN(const std::unique_ptr<StoreWriter> target, create(key));
  TRY(pour(*source, *target));
  if (::unlink(file.c_str()) != 0) return std::unexpected(io::storage_error(errno, "cannot remove", file));
  return {};
}

Result<StoreHealth> Store::probe() {
  const FileKey key = probe_key();
  TRY_ASSIGN(const std::unique_ptr<StoreWriter> writer, create(key));
  TRY(writer->write(kProbe));
  TRY(writer->close());
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, open(key));
  TRY_ASSIGN(const std::string found, io::read_all(*source, 2 * kProbe.size()));
  if (found != kProbe)
    return fail(Code::StorageDenied, "the storage does not give back what was written into it");
  TRY(remove(key));
  return StoreHealth{};
}

}  // namespace rowgate::store
