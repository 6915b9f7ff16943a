#pragma once

#include "csv/dialect.h"
#include "csv/record_batch.h"
#include "table/schema.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rowgate::table {

/// Finds the narrowest type of each column from which every text comes back, reading every record: all values
/// of the column are written in one form, which is kept with the type (`rowgate:form`) where it is not the
/// canonical one.
///
/// - integer: canonical 64-bit (0, -7; not 007, +7, 1.0);
/// - number with rowgate:decimal: the same number of digits after the point throughout, two or more (1.10,
///   2.25), or one where no printer of doubles writes that;
/// - number: doubles as one known printer writes them (see table/form.h);
/// - boolean: two words (true/false, True/False, TRUE/FALSE);
/// - date: YYYY-MM-DD;
/// - datetime: ISO 8601, as many digits of a second and the same offset, or none, throughout;
/// - string: all else, and a column without values.
///
/// Empty is null. No keys, every field nullable. Broken records and those with another number of fields do
/// not count. One object a thread; merge() joins them.
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
  ///
  /// `before` is the schema of a table that is loaded anew, or null: its names stay, and those of its types
  /// into which every value goes unchanged, as far as an inference can have chosen them.
  Outcome finish(const csv::Opening& opening, const TableSchema* before = nullptr) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rowgate::table
