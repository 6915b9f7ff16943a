#pragma once

#include "db/database.h"

#include <string>
#include <string_view>
#include <vector>

namespace rowgate::db::server {

/// How a server reads SQL texts.
enum class SqlFlavour : std::uint8_t { MySql, PostgreSql };

/// One statement that only reads, ready to be prepared.
struct NamedSql {
  std::string sql;                      ///< without what follows the statement; places as ? or $1, $2, ...
  std::vector<std::string> names = {};  ///< of the places: by place (MySql), or each once (PostgreSql)
  std::vector<std::string> words = {};  ///< keywords and names outside of texts: in lower case, or as quoted
};

/// Finds the places :name in a statement, leaving texts, quoted names, comments and casts (::) alone. Fails
/// with report.bad_sql for no statement, more than one, one that does not begin as a query does, or a place
/// without name.
Result<NamedSql> read_query(std::string_view sql, SqlFlavour flavour);

/// The values for the places. Fails with report.bad_sql for a name without value.
Result<std::vector<Value>> values_of(const NamedSql& sql,
                                     const std::vector<std::pair<std::string, Value>>& params);

}  // namespace rowgate::db::server
