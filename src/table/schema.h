#pragma once

#include "base/error.h"
#include "base/node.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::table {

/// Field types of Frictionless Table Schema (Data Package v2).
enum class Type : std::uint8_t {
  Integer,
  Number,
  String,
  Boolean,
  Date,
  Time,
  Datetime,
  Year,
  YearMonth,
  Duration,
  Object,
  Array,
  List,
  GeoPoint,
  GeoJson,
  Any,
};
inline constexpr std::size_t kTypeCount = 16;
std::string_view name(Type type);  ///< "integer", ...
std::optional<Type> type_of(std::string_view name);

/// How a file's columns and a schema's fields must agree (Table Schema, "fieldsMatch"). Equal: the same names
/// in any order.
enum class FieldsMatch : std::uint8_t { Exact, Equal, Subset, Superset, Partial };

/// Bounds and enum values are kept as written; the Checker reads them by the field's own rules.
struct Constraints {
  bool required = false;
  bool unique = false;
  std::optional<std::string> minimum = {}, maximum = {}, exclusive_minimum = {}, exclusive_maximum = {};
  /// In code points; of a binary in bytes, of a list, array or object in its items or members.
  std::optional<std::uint64_t> min_length = {}, max_length = {};
  std::optional<std::string> pattern = {};    ///< RE2, matched against the whole value
  std::vector<std::string> enum_values = {};  ///< empty = no such rule
};

/// `rowgate:decimal: [precision, scale]`: exact decimal digits, at most `precision`, `scale` of them after
/// the point.
struct Decimal {
  int precision = 18, scale = 2;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};

struct Field {
  std::string name;
  Type type = Type::String;
  /// string: default email uri uuid binary; date, time, datetime: default, any or one of strptime's patterns;
  /// geopoint: default array object; geojson: default topojson.
  std::string format = "default";
  std::string title = {}, description = {}, example = {};
  Constraints constraints = {};
  std::optional<std::vector<std::string>> missing_values = {};  ///< instead of the schema's
  std::string decimal_char = ".", group_char = {};              ///< number (group_char also integer)
  bool bare_number = true;  ///< false: text around the number is passed over ("95%")
  std::vector<std::string> true_values = {"true", "True", "TRUE", "1"};
  std::vector<std::string> false_values = {"false", "False", "FALSE", "0"};
  bool trim = false;                    ///< rowgate:trim: spaces and tabs around the value are not part of it
  int timezone_minutes = 0;             ///< rowgate:timezone: offset of datetimes that carry none
  int precision = 0;                    ///< rowgate:precision: digits of a second, 0 | 3 | 6
  std::optional<Decimal> decimal = {};  ///< rowgate:decimal, of a number
  std::string form = {};                ///< rowgate:form: how values are written as CSV (see table/form.h)
  bool accept_nonfinite = false;        ///< rowgate:nonfinite: accept
  bool keep_quoted_empty = false;       ///< rowgate:quoted_empty: keep; "" is then a value, not missing
  std::vector<std::string> aliases = {};  ///< rowgate:aliases: other header names to accept
  std::string delimiter = ",";            ///< between the items of a list
  Type item_type = Type::String;          ///< itemType: what a list's items are

  bool is_binary() const { return type == Type::String && format == "binary"; }
  /// Whether the column holds the text of a JSON value.
  bool is_json() const { return type == Type::Object || type == Type::Array || type == Type::GeoJson; }
};

struct ForeignKey {
  std::vector<std::size_t> fields;  ///< indexes into TableSchema::fields
  std::string table;                ///< the referenced table; the schema's own name for a self reference
  std::vector<std::string> parent_fields;  ///< as many
};

/// A Table Schema, checked: every name in it exists, every pattern compiles, every bound is of its field's
/// type.
struct TableSchema {
  std::vector<Field> fields;
  FieldsMatch fields_match = FieldsMatch::Equal;
  std::vector<std::string> missing_values = {""};
  std::vector<std::size_t> primary_key = {};  ///< indexes into fields
  std::vector<std::vector<std::size_t>> unique_keys =
      {};  ///< uniqueKeys and each `unique` constraint, without doubles
  std::vector<ForeignKey> foreign_keys = {};

  std::optional<std::size_t> index_of(std::string_view field_name) const;
  /// Required by the constraint or by the primary key.
  bool is_required(std::size_t field) const;
  /// Primary key first, then the unique keys: all that must not occur twice.
  std::vector<std::vector<std::size_t>> keys() const;
};

/// Reads and checks the `schema:` of a table. `table` is the table's name (an empty `resource` refers to it).
/// Collects every problem (config.invalid, with place, path such as "tables.jobs.schema.fields[1].type",
/// nearest name); an unknown type, property or format is one. `path` is the prefix of those paths.
Result<TableSchema> schema_from_node(const Node& node, std::string_view table, std::string_view path,
                                     std::vector<Error>& problems);
/// From JSON as to_json writes it. Fails with config.invalid.
Result<TableSchema> schema_from_json(std::string_view json, std::string_view table);
/// The schema as JSON (Table Schema v2 property names, two spaces of indent); defaults are left out, except
/// fieldsMatch.
std::string to_json(const TableSchema& schema);
/// The same as YAML text indented by `indent` spaces, as `init` and `schema infer` print it.
std::string to_yaml(const TableSchema& schema, int indent);

/// `^[A-Za-z_][A-Za-z0-9_]{0,62}$`, not starting with rowgate_ or __rg_ (nor, for a field, rg_). Says what is
/// wrong, or is empty.
std::string why_not_a_name(std::string_view name, bool is_field);

}  // namespace rowgate::table
