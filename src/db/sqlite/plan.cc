#include "base/text.h"
#include "db/sqlite/catalog.h"
#include "db/sqlite/dialect.h"
#include "io/digest.h"

#include <fmt/format.h>

namespace rowgate::db::sqlite {
namespace {

using table::Field;
using table::Type;

/// How a column goes into the new table: what is selected, and which rows hold a value that this would
/// change.
struct Move {
  std::string select, changes = {};
};

/// A text of digits with more or fewer of them behind the point; `tail` characters stand behind the digits.
Move move_digits(const std::string& column, int from, int to, int tail) {
  const std::string end = tail == 0 ? "''" : fmt::format("substr({}, -{})", column, tail);
  if (to >= from) {
    const std::string zeros =
        (from == 0 && to > 0 ? "." : "") + std::string(static_cast<std::size_t>(to - from), '0');
    return {fmt::format("substr({0}, 1, length({0}) - {1}) || '{2}' || {3}", column, tail, zeros, end)};
  }
  const int cut = from - to, point = to == 0 ? 1 : 0;
  return {
      fmt::format("substr({0}, 1, length({0}) - {1}) || {2}", column, cut + point + tail, end),
      fmt::format("CAST(substr({0}, length({0}) - {1}, {2}) AS INTEGER) <> 0", column, cut + tail - 1, cut)};
}

/// `name`: of the column, quoted.
Move move_of(const std::string& name, const Field& field, const Field* was) {
  const bool same_type = was != nullptr && was->type == field.type;
  // A decimal as its text, however it is kept.
  const bool was_decimal = was != nullptr && was->type == Type::Number && was->decimal;
  const std::string column =
      was_decimal && !is_text_decimal(*was)
          ? fmt::format("CASE WHEN typeof({0}) = 'real' THEN printf('%.{1}f', {0}) ELSE {0} END", name,
                        was->decimal->scale)
          : name;
  if (field.type == Type::Number && field.decimal) {
    const int scale = static_cast<int>(field.decimal->scale);
    if (same_type && was->decimal)
      return move_digits(column, static_cast<int>(was->decimal->scale), scale, 0);
    const std::string text = fmt::format("printf('%.{}f', {})", scale, column);
    return {
        fmt::format("CASE WHEN {} IS NOT NULL THEN {} END", column, text),
        fmt::format("typeof({0}) = 'text' OR abs({0}) >= 1e15 OR CAST({1} AS REAL) <> {0}", column, text)};
  }
  if (field.type == Type::Number)
    return {column,
            fmt::format("typeof({0}) = 'integer' AND CAST(CAST({0} AS REAL) AS INTEGER) <> {0}", column)};
  if (same_type && (field.type == Type::Time || field.type == Type::Datetime))
    return move_digits(column, was->precision, field.precision, field.type == Type::Datetime ? 1 : 0);
  if (field.type == Type::Date)
    return {column, fmt::format("{0} IS NOT NULL AND {0} IS NOT date({0}, '+0 days')", column)};
  if (field.type == Type::String && field.format == "uuid")
    return {column, fmt::format("length({0}) <> 36 OR {0} <> lower({0})", column)};
  if (field.type == Type::Time || field.type == Type::Datetime || field.type == Type::YearMonth) {
    const std::string shape =
        check_expression(Field{.name = field.name, .type = field.type, .precision = field.precision});
    return {column, fmt::format("NOT ({})", shape)};
  }
  return {column};
}

class Plan {
 public:
  Plan(const Connection& connection, const LoadTarget& target, std::string stored)
      : connection_(connection), target_(target), schema_(*target.schema), stored_(std::move(stored)) {}

  /// In this order (https://sqlite.org/lang_altertable.html, section 7): constraints of other tables stay
  /// with the name. Nothing goes before everything else is done, and the old table stays for its owner to
  /// drop.
  Result<std::vector<std::string>> make() {
    const std::string old_name = quote_name(stored_), kept_name = quote_name("__rg_kept_" + stored_);
    const std::string new_name = quote_name("__rg_plan_" + stored_);
    TRY(look_at_columns());
    TRY(look_at_others());

    statements_ = notes_;
    statements_.emplace_back("BEGIN IMMEDIATE;\n");
    if (!guards_.empty()) {
      statements_.emplace_back(
          "CREATE TEMP TABLE IF NOT EXISTS __rg_check (changed INTEGER CHECK (changed = 0));\n");
      for (const std::string& guard : guards_)
        statements_.push_back(
            fmt::format("INSERT INTO temp.__rg_check SELECT COUNT(*) FROM {} WHERE {};\n", old_name, guard));
    }
    statements_.push_back(Dialect().create_table({.name = "__rg_plan_" + stored_}, schema_,
                                                 target_.enforce_keys, target_.database_checks));
    if (!columns_.empty())
      statements_.push_back(fmt::format("INSERT INTO {} ({}) SELECT {} FROM {};\n", new_name,
                                        fmt::join(columns_, ", "), fmt::join(selects_, ", "), old_name));
    statements_.insert(statements_.end(), drops_.begin(), drops_.end());
    statements_.push_back(fmt::format("ALTER TABLE {} RENAME TO {};\nALTER TABLE {} RENAME TO {};\n",
                                      old_name, kept_name, new_name, quote_name(target_.table.name)));
    statements_.insert(statements_.end(), remakes_.begin(), remakes_.end());
    TRY(note_schema());
    statements_.push_back(
        fmt::format("COMMIT;\n-- the old table is kept; when all is well: DROP TABLE {};\n", kept_name));
    return std::move(statements_);
  }

 private:
  Result<std::uint64_t> count(const std::string& condition) {
    TRY_ASSIGN(Statement statement, connection_.prepare(fmt::format("SELECT COUNT(*) FROM main.{} WHERE {}",
                                                                    quote_name(stored_), condition)));
    TRY(connection_.step(statement));
    return statement.count(0);
  }

  Result<void> look_at_columns() {
    TRY_ASSIGN(const std::optional<std::string> json, kept_schema_of(connection_, stored_));
    std::optional<table::TableSchema> kept;
    if (json && !json->empty())
      if (Result<table::TableSchema> read = table::schema_from_json(*json, stored_)) kept = *std::move(read);
    TRY_ASSIGN(Statement statement, connection_.prepare("SELECT name FROM pragma_table_info(?)"));
    statement.bind(1, std::string_view(stored_));
    for (;;) {
      TRY_ASSIGN(const bool more, connection_.step(statement));
      if (!more) return {};
      const std::string name = statement.text(0), quoted = quote_name(name);
      const std::optional<std::size_t> index = schema_.index_of(name);
      if (!index) {
        TRY_ASSIGN(const std::uint64_t lost, count(quoted + " IS NOT NULL"));
        notes_.push_back(fmt::format("-- the column {} is left out: {} values stay in the old table only\n",
                                     shown(name), grouped(lost)));
        continue;
      }
      const std::optional<std::size_t> was = kept ? kept->index_of(name) : std::nullopt;
      const Move move = move_of(quoted, schema_.fields[*index], was ? &kept->fields[*was] : nullptr);
      columns_.push_back(quoted);
      selects_.push_back(move.select);
      if (move.changes.empty()) continue;
      guards_.push_back(move.changes);
      TRY_ASSIGN(const std::uint64_t changed, count(move.changes));
      if (changed > 0)
        notes_.push_back(
            fmt::format("-- the script fails: {} values of {} would change; correct them first\n",
                        grouped(changed), shown(name)));
    }
  }

  /// Indexes and triggers made by hand: made anew, or named.
  Result<void> look_at_others() {
    TRY_ASSIGN(
        Statement statement,
        connection_.prepare("SELECT s.type, s.name, s.sql, COALESCE((SELECT l.\"unique\" FROM "
                            "pragma_index_list(s.tbl_name) AS l WHERE l.name = s.name), 0) FROM "
                            "main.sqlite_schema AS s WHERE s.type IN ('index', 'trigger') AND "
                            "lower(s.tbl_name) = lower(?) AND s.sql IS NOT NULL ORDER BY s.type, s.name"));
    statement.bind(1, std::string_view(stored_));
    for (;;) {
      TRY_ASSIGN(const bool more, connection_.step(statement));
      if (!more) return {};
      const std::string type = statement.text(0), name = statement.text(1);
      if (statement.integer(3) != 0) {
        notes_.push_back(fmt::format("-- the unique index {} stays with the old table\n", shown(name)));
        continue;
      }
      drops_.push_back(fmt::format("DROP {} {};\n", type == "index" ? "INDEX" : "TRIGGER", quote_name(name)));
      remakes_.push_back(std::string(statement.text(2)) + ";\n");
    }
  }

  /// Loads compare with the schema that the table was made by.
  Result<void> note_schema() {
    TRY_ASSIGN(const bool has_ledger, has_table(connection_, "rowgate_schema"));
    if (!has_ledger) return {};
    const std::string json = table::to_json(schema_);
    const auto literal = [](std::string_view text) {
      std::string out = "'";
      for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
      return out + '\'';
    };
    statements_.push_back(
        fmt::format("UPDATE rowgate_schema SET schema = {}, digest = {} WHERE table_name = {};\n",
                    literal(json), literal(io::sha256_hex(json)), literal(target_.table.name)));
    return {};
  }

  const Connection& connection_;
  const LoadTarget& target_;
  const table::TableSchema& schema_;
  std::string stored_;
  std::vector<std::string> notes_, guards_, columns_, selects_, drops_, remakes_, statements_;
};

}  // namespace

Result<std::vector<std::string>> plan(const Connection& connection, const LoadTarget& target) {
  TRY_ASSIGN(const std::optional<std::string> stored, stored_name(connection, target.table.name));
  if (!stored)
    return std::vector{Dialect().create_table({.name = target.table.name}, *target.schema,
                                              target.enforce_keys, target.database_checks)};
  TRY_ASSIGN(const std::vector<std::string> found, differences(connection, target));
  if (found.empty()) return std::vector<std::string>{};
  return Plan(connection, target, *stored).make();
}

}  // namespace rowgate::db::sqlite
