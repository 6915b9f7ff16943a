#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "io/source.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::store {

/// The name of a stored file: one to four levels of [A-Za-z0-9._-], none of which begins with a dot, such as
/// "rejects/run_06FA....jsonl" or "uploads/jobs/upl_06FA.../jobs.csv".
using FileKey = std::string;

/// Whether `level` may be a level of a key: 1 to 150 of these characters.
bool is_key_level(std::string_view level);

/// A file being stored. Dropped without close(): nothing is stored. Not thread safe.
class StoreWriter {
 public:
  virtual ~StoreWriter() = default;
  virtual Result<void> write(std::string_view bytes) = 0;
  /// Only now is the file there, whole and flushed.
  virtual Result<void> close() = 0;
};

/// What is known of a stored file without reading it.
struct StoredFile {
  FileKey key;
  std::uint64_t bytes = 0;
  Timestamp stored_at = {};
};

/// An address that whoever has it can fetch one file with, for a time.
struct SignedAddress {
  std::string url;
  Timestamp expires = {};    ///< in whole seconds
  bool is_end_known = true;  ///< false: may end before, since nobody tells how long the credentials are good
};

/// What a store can do whose files can be had from itself.
class AddressSigner {
 public:
  virtual ~AddressSigner() = default;
  /// For one `method` (GET or HEAD), good until `until` or as long as the store's credentials are, whichever
  /// ends first; the file is then offered as `filename`, an attachment. It need not be there. Fails with
  /// storage.denied, storage.unreachable (no credentials), and for a time that is over.
  virtual Result<SignedAddress> address(std::string_view method, const FileKey& key,
                                        std::string_view filename, Timestamp until) = 0;
  /// For one PUT, by which the file is stored; the request must have `media_type` as its Content-Type. Good
  /// for as long as address() says, and fails as that does.
  virtual Result<SignedAddress> address_to_put(const FileKey& key, std::string_view media_type,
                                               Timestamp until) = 0;
  /// Asks the store. Fails as Store does.
  virtual Result<bool> is_there(const FileKey& key) = 0;
};

/// What a try of a store tells beside that it works.
struct StoreHealth {
  std::string credentials = {};                          ///< where its keys come from; empty: it has none
  std::optional<std::chrono::seconds> clock_ahead = {};  ///< this machine's, of the store's
};

/// Where rejects, reports and sources (and later backups) are kept. Thread safe.
/// Errors: storage.full, storage.denied, storage.unreachable; file.not_found for what is not there.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<std::unique_ptr<StoreWriter>> create(const FileKey& key) = 0;
  /// The file's size and its bytes from any offset; the same bytes to the end, also when the file is removed
  /// or replaced meanwhile (a store that cannot do this fails then, see s3_store()).
  virtual Result<std::shared_ptr<io::SourceFile>> file(const FileKey& key) = 0;
  /// The file from its first byte.
  Result<std::unique_ptr<io::Source>> open(const FileKey& key);
  /// Makes `to` a file of its own with the bytes of `from`: removing one leaves the other.
  virtual Result<void> copy(const FileKey& from, const FileKey& to) = 0;
  virtual Result<void> remove(const FileKey& key) = 0;
  /// Takes over a local file that nobody writes any more; it is gone from its place afterwards. Not flushed.
  /// Here: copied, then removed.
  virtual Result<void> adopt(const FileKey& key, const std::filesystem::path& file);
  /// All files below a folder ("reports", "reports/lnk_06FA..."), by key; none where there is no folder.
  virtual Result<std::vector<StoredFile>> list(const FileKey& folder) = 0;
  /// Writes, reads and removes a small file, without trying again: whether the store works now.
  virtual Result<StoreHealth> probe();
  /// Files are sent to another machine: nobody should wait for that without need.
  virtual bool is_remote() const { return false; }
  /// Not null where files can be had from the store itself.
  virtual AddressSigner* address_signer() { return nullptr; }
};

/// Whether it is the name of a stored file.
bool is_key(std::string_view key);

/// A Store in a local folder (made when first written to; files 0600, folders 0700). A key that would leave
/// the folder, also by way of a symbolic link, is refused with storage.denied. list() also clears away what
/// writers that died more than a day ago have left.
std::unique_ptr<Store> dir_store(std::filesystem::path folder);

}  // namespace rowgate::store
