#include "base/text.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "store/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace rowgate::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostLevels = 3;
constexpr std::size_t kCopyBytes = 256 * 1024;

std::vector<std::string_view> levels_of(std::string_view key) {
  std::vector<std::string_view> levels;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t slash = std::min(key.find('/', begin), key.size());
    levels.push_back(key.substr(begin, slash - begin));
    begin = slash + 1;
  }
  return levels;
}

/// Such a key cannot leave the folder.
bool is_key(std::string_view key) {
  const std::vector<std::string_view> levels = levels_of(key);
  return levels.size() <= kMostLevels && std::ranges::all_of(levels, is_key_level);
}

Timestamp time_of(const struct stat& about) {
  return {static_cast<std::int64_t>(about.st_mtim.tv_sec) * 1'000'000 + about.st_mtim.tv_nsec / 1'000};
}

std::unexpected<Error> not_there(const FileKey& key) {
  return fail(Code::FileNotFound, fmt::format("there is no stored file '{}'", shown(key)));
}

Result<void> pour(io::Source& source, StoreWriter& target) {
  std::string piece(kCopyBytes, '\0');
  for (;;) {
    TRY_ASSIGN(const std::size_t got, source.read(piece));
    if (got == 0) return target.close();
    TRY(target.write(std::string_view(piece).substr(0, got)));
  }
}

class DirWriter : public StoreWriter {
 public:
  explicit DirWriter(io::FileWriter file) : file_(std::move(file)) {}
  Result<void> write(std::string_view bytes) override { return file_.write(bytes); }
  Result<void> close() override { return file_.close(); }

 private:
  io::FileWriter file_;
};

class DirStore : public Store {
 public:
  explicit DirStore(fs::path folder) : folder_(std::move(folder)) {}

  Result<std::unique_ptr<StoreWriter>> create(const FileKey& key) override {
    TRY_ASSIGN(const fs::path path, path_of(key));
    TRY_ASSIGN(io::FileWriter file, io::FileWriter::create(path));
    return std::unique_ptr<StoreWriter>(new DirWriter(std::move(file)));
  }

  Result<std::shared_ptr<io::SourceFile>> file(const FileKey& key) override {
    TRY_ASSIGN(const fs::path path, path_of(key));
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return not_there(key);
    return io::open_file(path, key);
  }

  Result<void> copy(const FileKey& from, const FileKey& to) override {
    TRY_ASSIGN(const fs::path source, path_of(from));
    TRY_ASSIGN(const fs::path target, path_of(to));
    TRY(io::make_folders(target.parent_path()));
    // A stored file is never written again, so two names may share its bytes.
    if (::link(source.c_str(), target.c_str()) == 0) {
      ::utimensat(AT_FDCWD, target.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);  // its age begins now
      return {};
    }
    if (errno == ENOENT) {
      remove_if_empty(target.parent_path(), to);
      return not_there(from);
    }
    return copy_bytes(from, to);
  }

  Result<void> remove(const FileKey& key) override {
    TRY_ASSIGN(const fs::path path, path_of(key));
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return not_there(key);
    if (::unlink(path.c_str()) != 0) {
      if (errno == ENOENT) return not_there(key);
      return std::unexpected(io::storage_error(errno, "cannot remove", path));
    }
    remove_if_empty(path.parent_path(), key);
    return {};
  }

  Result<void> adopt(const FileKey& key, const fs::path& file) override {
    TRY_ASSIGN(const fs::path path, path_of(key));
    TRY(io::make_folders(path.parent_path()));
    if (::rename(file.c_str(), path.c_str()) == 0) return {};
    if (errno == EXDEV) return Store::adopt(key, file);
    return std::unexpected(io::storage_error(errno, "cannot move to the store", file));
  }

  Result<std::vector<StoredFile>> list(const FileKey& folder) override {
    TRY_ASSIGN(const fs::path path, path_of(folder));
    std::vector<StoredFile> files;
    TRY(add_files(path, folder, files));
    std::ranges::sort(files, {}, &StoredFile::key);
    return files;
  }

 private:
  /// The place of a key. No level of it that exists may be a symbolic link.
  Result<fs::path> path_of(const FileKey& key) const {
    if (!is_key(key))
      return fail(Code::StorageDenied, fmt::format("'{}' is not the name of a stored file", shown(key)));
    fs::path path = folder_;
    std::error_code error;
    for (const std::string_view level : levels_of(key)) {
      path /= level;
      if (fs::is_symlink(path, error))
        return fail(Code::StorageDenied, fmt::format("'{}' is a link, or lies behind one", shown(key)));
    }
    return path;
  }

  Result<void> copy_bytes(const FileKey& from, const FileKey& to) {
    TRY_ASSIGN(const std::unique_ptr<io::Source> source, open(from));
    TRY_ASSIGN(const std::unique_ptr<StoreWriter> target, create(to));
    return pour(*source, *target);
  }

  /// A folder of the third level is of one thing only and goes with its last file.
  static void remove_if_empty(const fs::path& folder, const FileKey& key) {
    if (levels_of(key).size() == kMostLevels) ::rmdir(folder.c_str());
  }

  /// A file that was being written when its process died.
  static bool is_abandoned(const std::string& name, const struct stat& about) {
    constexpr std::int64_t kSecondsOfADay = 86'400;
    return name.starts_with('.') && name.find(".tmp-") != std::string::npos && S_ISREG(about.st_mode) &&
           ::time(nullptr) - about.st_mtim.tv_sec > kSecondsOfADay;
  }

  /// Names that begin with a dot are no stored files: files being written, the link keys.
  static Result<void> add_files(const fs::path& folder, const std::string& key,
                                std::vector<StoredFile>& files) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      struct stat about{};
      if (::lstat(it->path().c_str(), &about) != 0) continue;  // removed meanwhile
      if (is_abandoned(name, about)) ::unlink(it->path().c_str());
      if (!is_key_level(name)) continue;
      if (S_ISREG(about.st_mode))
        files.push_back({key + '/' + name, static_cast<std::uint64_t>(about.st_size), time_of(about)});
      if (S_ISDIR(about.st_mode)) TRY(add_files(it->path(), key + '/' + name, files));
    }
    if (error && error != std::errc::no_such_file_or_directory)
      return std::unexpected(io::storage_error(error.value(), "cannot list", folder));
    return {};
  }

  fs::path folder_;
};

}  // namespace

bool is_key_level(std::string_view level) {
  if (level.empty() || level.size() > 150 || level.front() == '.') return false;
  return std::ranges::all_of(level, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

Result<std::unique_ptr<io::Source>> Store::open(const FileKey& key) {
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> whole, file(key));
  return whole->open(0);
}

Result<void> Store::adopt(const FileKey& key, const fs::path& file) {
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> from, io::open_file(file, key));
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, from->open(0));
  TRY_ASSIGN(const std::unique_ptr<StoreWriter> target, create(key));
  TRY(pour(*source, *target));
  if (::unlink(file.c_str()) != 0) return std::unexpected(io::storage_error(errno, "cannot remove", file));
  return {};
}

std::unique_ptr<Store> dir_store(fs::path folder) {
  return std::make_unique<DirStore>(std::move(folder));
}

}  // namespace rowgate::store
