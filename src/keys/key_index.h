#pragma once

// Finding keys that occur twice in a file, the same on every database and in a dry run.
//
// While every key ascends from record to record no two can be equal, and nothing is kept but the last one
// (KeyOrder). At the first record that breaks the order the whole file's keys are collected in a pass of
// their own (parsing and checking are far cheaper than loading): each key of each record that reached this
// stage becomes an entry of 128 bits that stand for the value, and the record's line (DuplicateFinder).
// Sorted with bounded memory, equal values lie together, lowest line first: that record wins, the others
// lose. Records before the break cannot lose, so a load that was under way goes on from where it stood.
//
// The 128 bits are the value itself for a key of one integer field; else a SipHash-2-4-128 under a random
// key, so that nobody can make two values collide on purpose, and by chance it takes 2^64 records.

#include "base/error.h"
#include "io/external_sorter.h"
#include "table/checker.h"
#include "table/schema.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rowgate::keys {

/// Watches whether keys ascend strictly, record by record. Records with a null in a key are passed over for
/// that key.
class KeyOrder {
 public:
  explicit KeyOrder(const table::TableSchema& schema);
  /// Looks at the rows of the next batch. Cheap; stops looking at a key once it broke its order.
  void observe(const table::CheckedBatch& batch);
  /// All keys ascend so far; true for a schema without keys.
  bool all_ascend() const;
  /// The primary key ascends so far, or there is none.
  bool primary_ascends() const;

 private:
  struct Watched {
    std::vector<std::size_t> fields;
    bool primary;
    bool ascends = true;
    bool started = false;
    std::int64_t last_integer = 0;  ///< of a key of one integer
    std::vector<std::string> last =
        {};  ///< of any other, per field, in a form whose bytes sort as the values do
  };
  static void observe_integers(Watched& key, const table::CheckedBatch& batch);
  static void observe_any(Watched& key, const table::CheckedBatch& batch);
  std::vector<Watched> keys_;
};

/// A record that loses a key to an earlier one.
struct Duplicate {
  std::uint64_t line = 0;        ///< of the loser
  std::uint64_t first_line = 0;  ///< of the record that has the key
  std::uint32_t key = 0;         ///< index into TableSchema::keys()
  bool operator<(const Duplicate& other) const {
    return line != other.line ? line < other.line : key < other.key;
  }
};

/// Collects the keys of a whole file. add() in any order, then finish(), then take_until() in file order.
class DuplicateFinder {
 public:
  DuplicateFinder(const table::TableSchema& schema, std::filesystem::path scratch, std::size_t memory_bytes);
  Result<void> add(const table::CheckedBatch& batch);
  Result<void> finish();
  /// The duplicates of the next lines up to `line`, in file order; each is given once.
  Result<std::vector<Duplicate>> take_until(std::uint64_t line);

 private:
  struct Entry {
    std::uint64_t high, low, line;
    bool same_value(const Entry& other) const { return high == other.high && low == other.low; }
    bool operator<(const Entry& other) const {
      if (high != other.high) return high < other.high;
      return low != other.low ? low < other.low : line < other.line;
    }
  };
  struct Key {
    std::vector<std::size_t> fields;
    io::ExternalSorter<Entry> entries;
  };
  /// False when a part of the key is null.
  bool make_entry(const Key& key, const table::Cell* row, std::uint64_t line, Entry& out);

  std::array<unsigned char, 16> hash_key_{};
  std::string encoded_;
  std::vector<Key> keys_;
  io::ExternalSorter<Duplicate> duplicates_;
  std::optional<Duplicate> pending_;
};

}  // namespace rowgate::keys
