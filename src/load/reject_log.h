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

/// The rejects of stages 1 to 3 of one run, kept in file order until the database has judged the rest: 1 MiB
/// in memory, more in a scratch file. Append all, then read all, once.
class RejectLog {
 public:
  explicit RejectLog(std::filesystem::path scratch) : scratch_folder_(std::move(scratch)) {}
  Result<void> append(const table::Reject& reject);
  /// The next reject in file order; nullopt at the end.
  Result<std::optional<table::Reject>> next();
  std::uint64_t size() const { return count_; }

 private:
  Result<void> spill();
  Result<bool> refill(std::size_t needed);
  Result<bool> read_bytes(void* into, std::size_t size);
  template <class T>
  Result<T> read_number();
  Result<std::string> read_text();

  std::filesystem::path scratch_folder_;
  std::string buffer_;
  std::size_t used_ = 0;  ///< of buffer_, when reading
  bool reading_ = false;
  std::uint64_t scratch_at_ = 0;
  std::uint64_t count_ = 0;
  std::optional<io::ScratchFile> scratch_;
};

}  // namespace rowgate::load
