#pragma once

#include "base/error.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::db::server {

/// A value bound to a `?` of a statement, as text; the server makes it what the place needs.
using Param = std::optional<std::string_view>;
/// Values of a row as texts; nullopt = NULL.
using TextRow = std::vector<std::optional<std::string>>;
using TextView = std::span<const std::optional<std::string_view>>;

struct BulkColumn {
  std::string name;  ///< quoted
  bool is_bytes = false;
};

/// Where bulk rows go: a quoted table and its columns in the order of the values.
struct BulkTarget {
  std::string table;
  std::vector<BulkColumn> columns;
};

/// What became of bulk rows. Not taken as they were (a key that is there already, a value that the server
/// would change): the transaction must go back to before them.
struct BulkOutcome {
  bool clean = true;
  std::string trouble = {};  ///< the server's words
};

/// A connection to a server, strict in what it takes, in UTF-8 and UTC. Closed when dropped, which rolls
/// back. Not thread safe.
///
/// Errors: database.unreachable when the connection broke, database.deadlock for what may work when it is
/// done again, table.busy for a lock that did not come in time, database.privilege, database.read_only,
/// storage.full, database.refused for the rest.
class Session {
 public:
  virtual ~Session() = default;
  /// A statement without result. How many rows it changed or, for an UPDATE, found.
  virtual Result<std::uint64_t> run(const std::string& sql, std::span<const Param> params = {}) = 0;
  /// The rows of a query as they come, in bounded memory. Their texts are valid during the visit.
  virtual Result<void> each(const std::string& sql, std::span<const Param> params,
                            const std::function<Result<void>(TextView)>& visit) = 0;
  /// Rows as RowEncoder writes them, by the server's own bulk path.
  virtual Result<BulkOutcome> bulk(const BulkTarget& target, std::string_view text, std::uint64_t rows) = 0;
  /// The connection broke: no statement will work again.
  virtual bool is_lost() const = 0;
  /// Asks the server, quickly.
  virtual bool answers() = 0;
  /// The server only reads: it said so at the login.
  virtual bool only_reads() const { return false; }
  /// How long the server may say nothing from now on; then the session is lost.
  virtual void allow_silence(std::chrono::milliseconds silence) = 0;
  /// The last error of run() was a unique key that is there already.
  virtual bool was_duplicate() const = 0;

  /// All rows; for small results.
  Result<std::vector<TextRow>> rows(const std::string& sql, std::span<const Param> params = {});
  /// The first column of the first row; nullopt for NULL or no row.
  Result<std::optional<std::string>> first(const std::string& sql, std::span<const Param> params = {});
  /// The same as a number; 0 for none.
  Result<std::uint64_t> count(const std::string& sql, std::span<const Param> params = {});
};

/// Digits as a number; 0 for anything else.
std::uint64_t number_of(const std::optional<std::string>& text);

}  // namespace rowgate::db::server
