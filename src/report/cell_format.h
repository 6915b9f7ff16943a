#pragma once

#include "report/report.h"

#include <string>

namespace rowgate::report {

/// Makes a result's value ready to be written, by its column's type where it has one: numbers by one
/// formatter, whatever the database gives. Not thread safe.
class CellFormat {
 public:
  explicit CellFormat(const Column& column) : column_(column) {}
  /// The text lives until the next call, or is the cell's own. Fails with report.bad_sql for a value that is
  /// not of the column's type.
  Result<OutputCell> format(const db::ResultCell& cell);

 private:
  std::optional<OutputCell> in_form(const db::ResultCell& cell);
  Result<OutputCell> number(const db::ResultCell& cell);
  Result<OutputCell> boolean(const db::ResultCell& cell);
  OutputCell plain(const db::ResultCell& cell);
  OutputCell as_number(const db::ResultCell& cell);
  std::unexpected<Error> not_of_type(const db::ResultCell& cell);

  Column column_;
  std::string text_;
};

}  // namespace rowgate::report
