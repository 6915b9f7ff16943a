#pragma once

#include "csv/dialect.h"
#include "csv/record_batch.h"
#include "table/schema.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rowgate::table {

/// Finds the narrowest type that fits every value of each column, reading every record.
///
/// integer only canonical 64-bit (0, -7; not 007, +7, 1.0), number only decimal or exponent forms without
/// leading zeros or plus, and only if every value survives a double, boolean only true/false words, date and
/// datetime only ISO 8601; empty = null; all else, and a column without values, string. No keys, every field
/// nullable. Broken records and those with another number of fields do not count. One object a thread;
/// merge() joins them.
class Inference {
 public:
  explicit Inference(std::size_t columns);
  ~Inference();
  Inference(Inference&&) noexcept;
  Inference& operator=(Inference&&) noexcept;
  void observe(const csv::RecordBatch& records);
  void merge(const Inference& other);

  struct Outcome {
    TableSchema schema;
    std::vector<std::string> notes;  ///< "zip: 3 of 9,012 values keep it from integer, first in line 77"
    std::uint64_t records = 0;
  };
  /// Field names are made of the header: characters that may not stand in a name become `_`, doubles get a
  /// number, what was renamed keeps its header name as alias and is noted; without a header field1, field2,
  /// ...
  Outcome finish(const csv::Opening& opening) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rowgate::table
