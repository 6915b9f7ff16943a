#pragma once

#include "csv/dialect.h"
#include "io/source.h"
#include "store/store.h"
#include "table/column_map.h"

#include <optional>
#include <string>
#include <string_view>

namespace rowgate::load {

/// As csv::inspect, but a reject file is opened as rowgate wrote it: it has a header and the delimiter that
/// stands between its rg_* columns, whatever `options` say of the table's other files.
Result<csv::Opening> open_csv(const io::SourceFile& file, const csv::DialectOptions& options);

/// The file whose records a reject file holds, as far as it must be known to load them again.
struct RejectOrigin {
  csv::Dialect dialect;  ///< of what stands in rg_raw
  table::NameMap map;    ///< --map of that run, without columns that the reject file does not have
};

/// Whether `text`, which a cell says, has the form of a run's id; it must not lead to any other file.
bool is_run_id(std::string_view text);

/// The origin of the reject file `file`: told by the kept rejects of `run`, or else of the run that its first
/// records name. Nullopt where those are not kept any more. Fails with the errors of the file and the store.
Result<std::optional<RejectOrigin>> find_origin(const io::SourceFile& file, const csv::Opening& opening,
                                                std::string run, store::Store& store);

}  // namespace rowgate::load
