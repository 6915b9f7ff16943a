#pragma once

#include "base/error.h"
#include "db/database.h"
#include "table/form.h"
#include "table/schema.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate::report {

/// A result column: its header name, whatever the database makes of aliases, and optionally the type its
/// values are written as.
struct Column {
  std::string name;
  std::optional<table::Type> type = {};
  std::optional<int> decimals = {};  ///< of a number
  /// How its values are written; null: the canonical way.
  std::shared_ptr<const table::FormWriter> form = nullptr;
};

/// `params: { year: { type: integer, default: 2021 } }`, `:year` in the SQL.
struct Parameter {
  std::string name;
  table::Type type = table::Type::String;
  std::optional<std::string> default_text = {};  ///< absent: must be given
};

struct SortKey {
  std::string column;
  bool descending = false;
};

/// A named SQL query, as configured under `reports:`.
struct Definition {
  std::string name, title, filename, sql;
  std::vector<Column> columns = {};  ///< empty: as the database names them
  std::vector<Parameter> params = {};
  std::vector<SortKey> sort = {};  ///< empty: in the database's order
  std::chrono::milliseconds timeout{60'000};
  std::uint64_t max_rows = 5'000'000;
  std::optional<std::string> route = {};     ///< "/hires": also answers there with a link
  std::chrono::seconds expires{86'400};      ///< life of its links
  std::chrono::milliseconds reuse{300'000};  ///< a result this young is not computed again; 0: never reused
};

/// A cell ready to be written: JSON needs to know numbers from texts.
struct OutputCell {
  enum class Kind : std::uint8_t { Null, Number, Boolean, Text } kind = Kind::Null;
  std::string_view text = {};
};

/// Where rows go, in order. Not thread safe.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual Result<void> begin(std::span<const Column> columns) = 0;
  virtual Result<void> row(std::span<const OutputCell> cells) = 0;
  virtual Result<void> end() = 0;
};
using Output = std::function<Result<void>(std::string_view)>;
/// RFC 4180 with header line; null is an empty field, an empty text "".
std::unique_ptr<RowWriter> csv_writer(Output out, bool escape_formulas);
/// One JSON array of objects, a row a line.
std::unique_ptr<RowWriter> json_writer(Output out);

struct Outcome {
  std::uint64_t rows = 0;
  std::chrono::milliseconds took{0};
  std::string table_versions = {};  ///< of what was read, where they were asked for
};

struct RunOptions {
  bool with_versions =
      false;  ///< the outcome tells what the rows depend on (see db::Cursor::table_versions())
  std::stop_token stop = {};
};

/// Runs the report and writes its rows. `given` are parameters as texts ("2021"), checked against their types
/// (report.bad_parameter). Fails with report.* and database.* codes; on a failure the writer's end() is not
/// called. A stop fails with run.interrupted. Memory is bounded: sorting beyond 32 MiB uses a scratch file in
/// `scratch`.
Result<Outcome> run(db::Database& database, const Definition& report,
                    std::span<const std::pair<std::string, std::string>> given, RowWriter& out,
                    const std::filesystem::path& scratch, const RunOptions& options = {});

/// Compares as `sort:` does: nulls first, numbers by value, texts by Unicode simple case folding, then by
/// bytes.
int compare(const OutputCell& a, const OutputCell& b);

/// Rows of one table in primary-key order where there is one (else in the database's), typed by `schema`
/// where it is known; at most `limit` rows. With `as_loaded`, values have the form that the schema keeps of
/// the file that they came from, as a CSV file should.
Result<Outcome> table_rows(db::Database& database, const db::TableName& table,
                           const table::TableSchema* schema, std::optional<std::uint64_t> limit,
                           bool as_loaded, RowWriter& out);

}  // namespace rowgate::report
