#include "base/text.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "store/keys.h"
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

Timestamp time_of(const struct stat& about) {
  return {static_cast<std::int64_t>(about.st_mtim.tv_sec) * 1'000'000 + about.st_mtim.tv_nsec / 1'000};
}

std::unexpected<Error> not_there(const FileKey& key) {
  return std::unexpected(no_such_file(key));
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
      io::flush_folder_of(target);
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
    if (!is_key(key)) return std::unexpected(not_a_key(key));
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
    if (levels_of(key).size() > 2) ::rmdir(folder.c_str());
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

std::unique_ptr<Store> dir_store(fs::path folder) {
  return std::make_unique<DirStore>(std::move(folder));
}

}  // namespace rowgate::store
