#pragma once

// The middle of the program: one file through all five stages into one open transaction.

#include "load/loader.h"
#include "load/pass.h"
#include "load/rejects/reject_log.h"

#include <stop_token>

namespace rowgate::load {

/// What is known about a file before a transaction is opened for it.
struct Prepared {
  FileFrame frame;            ///< frame.schema points to `schema`
  table::NameMap map;         ///< the request's, or that of the run whose rejects the file holds
  table::TableSchema schema;  ///< lives here; Prepared is not moved once frame.schema is set
};

/// Where the results of one file go while it is loaded.
struct LoadContext {
  db::Database& database;
  store::Store* store;  ///< where rejects go; null in a dry run
  store::Store& kept;   ///< where the rejects of earlier runs are
  const Loader::Settings& settings;
  Progress& progress;
  const RejectObserver* observer;
  std::size_t request_index;
  std::stop_token stop;
};

/// Opens the file's header, decides on the schema and matches the columns. Fills `outcome` (opening, schema,
/// notes, header_trouble, warnings) as far as it gets.
Result<void> prepare(const LoadRequest& request, const LoadContext& context, Prepared& prepared,
                     LoadOutcome& outcome);

/// Loads the prepared file through a sink of `transaction` and writes its rejects. On success the numbers in
/// `outcome.run` balance and the caller may commit; an error (limit.rejects, key.has_children, ...) means
/// that nothing of this file may be committed, its numbers and rejects are told all the same.
Result<void> load_file(const LoadRequest& request, const LoadContext& context, const Prepared& prepared,
                       db::Transaction& transaction, LoadOutcome& outcome);

}  // namespace rowgate::load
