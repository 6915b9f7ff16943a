#pragma once

#include "csv/dialect.h"
#include "table/schema.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate::table {

/// The columns of a reject file that are no data, in the order in which rowgate writes them.
inline constexpr std::array<std::string_view, 6> kRejectColumns = {"rg_run",    "rg_line",    "rg_codes",
                                                                   "rg_fields", "rg_message", "rg_raw"};

/// Whether all six stand in the header.
bool is_reject_header(const std::vector<std::string>& header);
bool is_reject_file(const csv::Opening& opening);
/// Of such a file: a column that holds no data.
bool is_reject_column(std::string_view name);

/// Which column of a file holds which field.
struct ColumnMap {
  static constexpr int kAbsent = -1;
  std::vector<int>
      column_of_field;  ///< by field; kAbsent where the file has none (fieldsMatch superset, partial): null
  std::size_t file_columns = 0;  ///< every record must have as many fields
  std::vector<std::string> ignored =
      {};  ///< header names that are no field (fieldsMatch subset, partial): header.extra
  /// Set for a file that rowgate wrote as rejects: columns whose names begin with rg_. Their positions, or
  /// kAbsent.
  int rg_run = kAbsent, rg_raw = kAbsent;
  bool is_reject_file = false;
};

/// One header name and what it means: `--map csvcol:field`.
using NameMap = std::vector<std::pair<std::string, std::string>>;

/// Matches a file's header to the schema by its fieldsMatch rule: names after `map`, then aliases, compared
/// exactly (spaces around a header name do not count). Without a header: by position. The columns rg_run,
/// rg_line, rg_codes, rg_fields, rg_message and rg_raw of a reject file are recognised and left out of the
/// comparison (only when all six are there). Fails with header.mismatch: `message` names what does not fit,
/// `hint` holds a --map that would fit where names are alike, `at` is the first column that is no field.
/// table::HeaderTrouble in header_trouble() has the details for display.
Result<ColumnMap> map_columns(const csv::Opening& opening, const TableSchema& schema, const NameMap& map);

/// The parts of a header.mismatch, for a display with carets.
struct HeaderTrouble {
  std::vector<std::size_t> unknown_columns;  ///< indexes into opening.header
  std::vector<std::string> missing_fields;
  std::string suggested_map;  ///< "full_name:name,dept:department_id", ready for a shell; or empty
};
HeaderTrouble header_trouble(const csv::Opening& opening, const TableSchema& schema, const NameMap& map);

}  // namespace rowgate::table
