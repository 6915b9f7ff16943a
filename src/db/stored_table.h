#pragma once

#include "db/database.h"

#include <chrono>
#include <optional>

namespace rowgate::db {

/// A name that differs in case from that of a table which is there means no table, on every engine: some take
/// both for one table, others do not. `stored` is the table that the engine found for `wanted`. Fails with
/// table.unknown.
Result<void> check_stored_name(const TableName& wanted, const std::optional<TableName>& stored);

/// A query reads a table that is not there (yet). Whoever may see a report may not see which tables it reads,
/// so the message does not name it.
Error no_table_to_read();
/// A query that was stopped, since nobody wants its result.
Error nobody_waits();
/// A query that ran longer than it may.
Error took_too_long(std::chrono::milliseconds timeout);

}  // namespace rowgate::db
