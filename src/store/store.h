#pragma once

#include "base/error.h"
#include "io/source.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::store {

/// The name of a stored file: one or two levels of [A-Za-z0-9._-], such as "rejects/run_06FA....jsonl". Never
/// made of anything that a user typed.
using FileKey = std::string;

/// A file being stored. Dropped without close(): nothing is stored. Not thread safe.
class StoreWriter {
 public:
  virtual ~StoreWriter() = default;
  virtual Result<void> write(std::string_view bytes) = 0;
  /// Only now is the file there, whole and flushed.
  virtual Result<void> close() = 0;
};

/// Where rejects (and later reports, sources, backups) are kept. Thread safe.
/// Errors: storage.full, storage.denied; file.not_found from open() and remove() of what is not there.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<std::unique_ptr<StoreWriter>> create(const FileKey& key) = 0;
  virtual Result<std::unique_ptr<io::Source>> open(const FileKey& key) = 0;
  virtual Result<void> remove(const FileKey& key) = 0;
};

/// A Store in a local folder (made when first written to; files 0600, folders 0700). A key that would leave
/// the folder is refused with storage.denied.
std::unique_ptr<Store> dir_store(std::filesystem::path folder);

}  // namespace rowgate::store
