#include "db/stored_table.h"

#include "base/text.h"

#include <fmt/format.h>

namespace rowgate::db {

Result<void> check_stored_name(const TableName& wanted, const std::optional<TableName>& stored) {
  if (!stored || stored->name == wanted.name) return {};
  return fail(Code::TableUnknown,
              fmt::format("there is no table `{}`, and the database has `{}`, which differs in case only",
                          shown(wanted.name), shown(stored->name)),
              "write the name as the database has it");
}

Error no_table_to_read() {
  return {Code::TableUnknown, "the query reads a table that is not there",
          "load its tables first, or correct the query"};
}

Error nobody_waits() {
  return {Code::RunInterrupted, "nobody waits for the result any more", "send the request again"};
}

Error took_too_long(std::chrono::milliseconds timeout) {
  return {Code::ReportTimeout,
          fmt::format("the query took longer than {} s", static_cast<double>(timeout.count()) / 1000.0),
          "make it cheaper, or raise its timeout"};
}

}  // namespace rowgate::db
