#include "base/text.h"
#include "io/files.h"
#include "store/store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

namespace rowgate::store {
namespace {

namespace fs = std::filesystem;

bool is_level(std::string_view level) {
  if (level.empty() || level.front() == '.') return false;
  return std::ranges::all_of(level, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// One or two levels of plain names: such a key cannot leave the folder.
bool is_key(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return is_level(key);
  return is_level(key.substr(0, slash)) && is_level(key.substr(slash + 1));
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

  Result<std::unique_ptr<io::Source>> open(const FileKey& key) override {
    TRY_ASSIGN(const fs::path path, path_of(key));
    std::error_code error;
    if (fs::is_symlink(path, error)) return fail(Code::StorageDenied, fmt::format("'{}' is a link", key));
    TRY_ASSIGN(const std::shared_ptr<io::SourceFile> file, io::open_file(path, key));
    return file->open(0);
  }

  Result<void> remove(const FileKey& key) override {
    TRY_ASSIGN(const fs::path path, path_of(key));
    if (::unlink(path.c_str()) == 0) return {};
    if (errno == ENOENT) return fail(Code::FileNotFound, fmt::format("there is no stored file '{}'", key));
    return std::unexpected(io::storage_error(errno, "cannot remove", path));
  }

 private:
  Result<fs::path> path_of(const FileKey& key) const {
    if (!is_key(key))
      return fail(Code::StorageDenied, fmt::format("'{}' is not the name of a stored file", shown(key)));
    return folder_ / key;
  }
  fs::path folder_;
};

}  // namespace

std::unique_ptr<Store> dir_store(fs::path folder) {
  return std::make_unique<DirStore>(std::move(folder));
}

}  // namespace rowgate::store
