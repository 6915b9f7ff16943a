#pragma once

#include "csv/record_batch.h"
#include "table/reject.h"

#include <cstdint>
#include <span>
#include <vector>

namespace rowgate::table {

/// A problem of one record of a batch.
struct Finding {
  std::uint32_t record;  ///< index in the batch
  Problem problem;
};

/// Stage 1 for a whole batch: what is no record, before any value is looked at.
struct Structure {
  std::vector<std::uint32_t>
      sound;  ///< records with as many fields as needed, all of them valid UTF-8 without NUL
  std::vector<Finding>
      findings;  ///< ascending by record; at least one for each record that is neither sound nor blank
  std::uint64_t blank = 0;  ///< lines without any byte
  std::uint64_t first_blank_line = 0;
};

/// `field_of_column` names the field of each column (negative = none), for the problems; may be empty. `out`
/// is overwritten.
void judge_structure(const csv::RecordBatch& records, std::size_t columns,
                     std::span<const int> field_of_column, Structure& out);

}  // namespace rowgate::table
