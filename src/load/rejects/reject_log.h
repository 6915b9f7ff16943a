#pragma once

#include "base/error.h"
#include "db/run_record.h"
#include "io/files.h"
#include "table/reject.h"
#include "table/schema.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate::load {

/// Counts of problems by code and field, as a run's summary shows them.
class RejectCounts {
 public:
  void add(const table::Reject& reject, const table::TableSchema& schema);
  /// Most frequent first, ties by first line.
  std::vector<db::RejectGroup> groups() const;

 private:
  struct Count {
    std::uint64_t count = 0, first_line = 0;
  };
  std::map<std::pair<Code, std::string>, Count> counts_;
};

/// A hash of a record's bytes, by a key of this process.
struct RecordHash {
  std::uint64_t high = 0, low = 0;
  friend bool operator==(const RecordHash&, const RecordHash&) = default;
};
RecordHash hash_of(std::string_view bytes);

/// A refused record of stages 1 to 3.
struct LoggedReject {
  table::Reject reject;
  std::optional<RecordHash> hash = {};  ///< of its bytes as they were judged; not of one too large to be kept
};

/// The rejects of stages 1 to 3 of one run, kept in file order until the database has judged the rest: 1 MiB
/// in memory, more in a scratch file, compressed and never more than about `max_bytes` of it. Append all,
/// then read all, once.
class RejectLog {
 public:
  RejectLog(std::filesystem::path scratch, std::uint64_t max_bytes)
      : scratch_folder_(std::move(scratch)), max_bytes_(max_bytes) {}
  /// Takes no more once it is full.
  Result<void> append(const LoggedReject& logged);
  bool is_full() const { return scratch_ && scratch_->size() > max_bytes_; }
  /// The next reject in file order; nullopt at the end.
  Result<std::optional<LoggedReject>> next();
  std::uint64_t size() const { return count_; }

 private:
  Result<void> spill();
  Result<bool> next_block();
  Result<bool> read_bytes(void* into, std::size_t size);
  template <class T>
  Result<T> read_number();
  Result<std::string> read_text();

  std::filesystem::path scratch_folder_;
  std::uint64_t max_bytes_;
  std::string buffer_;
  std::size_t used_ = 0;  ///< of buffer_, when reading
  std::uint64_t scratch_at_ = 0;
  std::uint64_t count_ = 0;
  std::optional<io::ScratchFile> scratch_;
};

}  // namespace rowgate::load
