#include "table/column_map.h"

#include "base/text.h"
#include "csv/line_ends.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::table {
namespace {

/// A wide file of another table would have each of its names compared with each field, for a map that nobody
/// types.
constexpr std::size_t kMostComparisons = 20'000;

/// The names by which a header's column may mean a field: after --map, without spaces around.
std::string meant(const std::string& header, const NameMap& map) {
  std::string name(trim_spaces(header));
  for (const auto& [from, to] : map)
    if (trim_spaces(from) == name) return to;
  return name;
}

std::optional<std::size_t> field_of(const std::string& name, const TableSchema& schema) {
  if (const std::optional<std::size_t> field = schema.index_of(name)) return field;
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    if (std::ranges::find(schema.fields[i].aliases, name) != schema.fields[i].aliases.end()) return i;
  return std::nullopt;
}

/// A header against a schema, before any rule is applied.
struct Match {
  std::vector<std::optional<std::size_t>> field_of_column;
  std::vector<int> column_of_field;
  std::vector<std::size_t> unknown;  ///< columns that are no field
  std::vector<std::size_t> doubled;  ///< columns that mean a field that another column means already
  std::vector<bool> own;             ///< columns of a reject file that are no data
  bool is_reject_file = false;
};

Match match(const csv::Opening& opening, const TableSchema& schema, const NameMap& map) {
  Match found;
  found.column_of_field.assign(schema.fields.size(), ColumnMap::kAbsent);
  found.field_of_column.resize(opening.columns);
  found.own.resize(opening.columns);
  found.is_reject_file = is_reject_file(opening);
  for (std::size_t column = 0; column < opening.header.size(); ++column) {
    found.own[column] = found.is_reject_file && is_reject_column(opening.header[column]);
    if (found.own[column]) continue;
    const std::optional<std::size_t> field = field_of(meant(opening.header[column], map), schema);
    if (!field) {
      found.unknown.push_back(column);
    } else if (found.column_of_field[*field] != ColumnMap::kAbsent) {
      found.doubled.push_back(column);
    } else {
      found.field_of_column[column] = field;
      found.column_of_field[*field] = static_cast<int>(column);
    }
  }
  return found;
}

std::vector<std::string> missing_fields(const Match& found, const TableSchema& schema) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    if (found.column_of_field[i] == ColumnMap::kAbsent) names.push_back(schema.fields[i].name);
  return names;
}

/// Lower case without what commonly differs: "Full Name", "full-name" and "full_name" are the same.
std::string squeezed(std::string_view name) {
  std::string out;
  for (const char c : lower_ascii(name))
    if (c != ' ' && c != '_' && c != '-' && c != '.') out += c;
  return out;
}

/// "dept" for "department": the same beginning, then only letters left out.
bool abbreviates(std::string_view name, std::string_view whole) {
  if (name.size() < 3 || whole.substr(0, 3) != name.substr(0, 3)) return false;
  std::size_t at = 0;
  for (const char c : whole)
    if (at < name.size() && name[at] == c) ++at;
  return at == name.size();
}

/// The missing field that a column most likely is, or empty.
std::string likely_field(const std::string& column, const std::vector<std::string>& missing) {
  const std::string name = squeezed(column);
  for (const std::string& field : missing)
    if (squeezed(field) == name) return field;
  if (std::string near = nearest(std::string(trim_spaces(column)), missing); !near.empty()) return near;
  for (const std::string& field : missing) {
    const std::string other = squeezed(field);
    const std::size_t shorter = std::min(other.size(), name.size());
    if (abbreviates(name, other)) return field;
    if (shorter >= 3 && (name.find(other) != std::string::npos || other.find(name) != std::string::npos))
      return field;
  }
  return {};
}

/// Whether a header name can be given to --map at all, and shown and copied without harm.
bool can_be_typed(std::string_view name) {
  constexpr std::size_t kLongest = 127;
  if (name.size() > kLongest || valid_utf8_prefix(name) != name.size()) return false;
  for (std::size_t i = 0; i + 1 < name.size(); ++i)  // U+0080 to U+009F are terminal controls too
    if (name[i] == '\xC2' && static_cast<unsigned char>(name[i + 1]) < 0xA0) return false;
  return std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || std::string_view(":,\"'\\`$!%").contains(c);
  });
}

/// `map` as one argument of a command line.
std::string as_argument(std::string map) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-.:,").contains(c);
  };
  return std::ranges::all_of(map, plain) ? map : fmt::format("\"{}\"", map);
}

bool has_column(const csv::Opening& opening, std::string_view name) {
  return std::ranges::any_of(
      opening.header, [&](const std::string& other) { return trim_spaces(other) == trim_spaces(name); });
}

/// The pairs that may stand in a suggestion: those that name a column and a field that exist.
NameMap sound_pairs(const NameMap& map, const csv::Opening& opening, const TableSchema& schema) {
  NameMap sound;
  for (const auto& pair : map)
    if (schema.index_of(pair.second) && has_column(opening, pair.first)) sound.push_back(pair);
  return sound;
}

std::string suggest_map(const csv::Opening& opening, const std::vector<std::size_t>& unknown,
                        std::vector<std::string> missing, const NameMap& map) {
  std::vector<std::string> pairs;
  for (const auto& [from, to] : map) {
    if (!can_be_typed(from)) return {};
    pairs.push_back(from + ":" + to);
  }
  const std::size_t given = pairs.size();
  std::size_t comparisons = kMostComparisons;
  for (const std::size_t column : unknown) {
    const std::string_view name = trim_spaces(opening.header[column]);
    if (missing.empty() || comparisons < missing.size()) break;
    if (!can_be_typed(name)) continue;
    comparisons -= missing.size();
    const std::string field = likely_field(std::string(name), missing);
    if (field.empty()) continue;
    pairs.push_back(fmt::format("{}:{}", name, field));
    std::erase(missing, field);
  }
  return pairs.size() == given ? std::string() : as_argument(fmt::format("{}", fmt::join(pairs, ",")));
}

std::string list_of(const std::vector<std::string>& names) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < names.size() && i < 10; ++i)
    parts.push_back(fmt::format("`{}`", shown(names[i], 40)));
  std::string out = fmt::format("{}", fmt::join(parts, ", "));
  if (names.size() > 10) out += fmt::format(" and {} more", names.size() - 10);
  return out;
}

/// The line in which the header begins: blank lines may stand before it.
std::uint64_t header_line(const csv::Opening& opening) {
  if (!opening.dialect.header) return 1;
  const std::uint64_t lines = csv::count_line_ends(opening.header_raw, opening.dialect.line_end) + 1;
  return opening.data_line > lines ? opening.data_line - lines : 1;
}

std::unexpected<Error> header_mismatch(std::string message, std::string hint, const csv::Opening& opening,
                                       std::optional<std::size_t> column) {
  Position at{header_line(opening), 1};
  if (column && *column < opening.header_columns.size()) at.column = opening.header_columns[*column];
  return fail(Code::HeaderMismatch, std::move(message), std::move(hint), at);
}

/// What the rule forbids: columns that are no field, and fields without a column.
struct Allowed {
  bool more_columns, fewer_columns;
};
Allowed allowed_by(FieldsMatch rule) {
  return {rule == FieldsMatch::Subset || rule == FieldsMatch::Partial,
          rule == FieldsMatch::Superset || rule == FieldsMatch::Partial};
}

Result<void> judge(const Match& found, const csv::Opening& opening, const TableSchema& schema,
                   const NameMap& map) {
  for (const auto& [from, to] : map) {
    if (!schema.index_of(to)) {
      std::vector<std::string> names;
      for (const Field& field : schema.fields) names.push_back(field.name);
      const std::string near = nearest(to, names);
      return header_mismatch(
          fmt::format("--map names the field `{}`, which the table does not have", shown(to)),
          near.empty() ? std::string() : fmt::format("did you mean `{}`?", near), opening, std::nullopt);
    }
    if (!has_column(opening, from))
      return header_mismatch(
          fmt::format("--map names the column `{}`, which the file does not have", shown(from)), "", opening,
          std::nullopt);
  }
  if (!found.doubled.empty())
    return header_mismatch(fmt::format("two columns mean the same field, the second is `{}`",
                                       shown(opening.header[found.doubled[0]])),
                           "rename or remove one of them", opening, found.doubled[0]);
  const Allowed allowed = allowed_by(schema.fields_match);
  const std::vector<std::string> missing = missing_fields(found, schema);
  std::vector<std::string> parts, unknown;
  for (const std::size_t column : found.unknown) unknown.push_back(opening.header[column]);
  if (!unknown.empty() && !allowed.more_columns)
    parts.push_back(fmt::format("{} {} of the table", list_of(unknown),
                                unknown.size() == 1 ? "is not a field" : "are not fields"));
  if (!missing.empty() && !allowed.fewer_columns)
    parts.push_back(fmt::format("{} {} missing", list_of(missing), missing.size() == 1 ? "is" : "are"));
  if (schema.fields_match == FieldsMatch::Partial && missing.size() == schema.fields.size())
    parts.push_back("no column is a field of the table");
  if (parts.empty()) return {};
  const std::string suggestion = suggest_map(opening, found.unknown, missing, map);
  std::string hint = suggestion.empty() ? "rename the columns, or say which is which with --map column:field"
                                        : fmt::format("--map {}", suggestion);
  return header_mismatch(fmt::format("the header does not match the table: {}", fmt::join(parts, "; ")),
                         std::move(hint), opening,
                         found.unknown.empty() ? std::nullopt : std::optional(found.unknown[0]));
}

Result<void> judge_order(const Match& found, const csv::Opening& opening, const TableSchema& schema) {
  if (schema.fields_match != FieldsMatch::Exact) return {};
  std::size_t next = 0;
  for (std::size_t column = 0; column < found.field_of_column.size(); ++column) {
    if (found.own[column]) continue;
    if (found.field_of_column[column] != next)
      return header_mismatch(
          fmt::format("the columns are in another order than the fields: `{}` stands where `{}` should",
                      shown(opening.header[column]), schema.fields[next].name),
          "reorder them, or set fieldsMatch: equal", opening, column);
    ++next;
  }
  return {};
}

Result<ColumnMap> map_by_position(const csv::Opening& opening, const TableSchema& schema) {
  ColumnMap columns{.file_columns = opening.columns};
  const Allowed allowed = allowed_by(schema.fields_match);
  const bool fits = opening.columns == schema.fields.size() ||
                    (opening.columns > schema.fields.size() ? allowed.more_columns : allowed.fewer_columns);
  if (!fits)
    return header_mismatch(
        fmt::format("the file has {} columns, the table {} fields", opening.columns, schema.fields.size()),
        "a file without header is read by position; check its columns and the delimiter", opening,
        std::nullopt);
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    columns.column_of_field.push_back(i < opening.columns ? static_cast<int>(i) : ColumnMap::kAbsent);
  return columns;
}

}  // namespace

bool is_reject_header(const std::vector<std::string>& header) {
  return std::ranges::all_of(
      kRejectColumns, [&](std::string_view name) { return std::ranges::find(header, name) != header.end(); });
}

bool is_reject_file(const csv::Opening& opening) {
  return is_reject_header(opening.header);
}

bool is_reject_column(std::string_view name) {
  return name.starts_with("rg_");
}

Result<ColumnMap> map_columns(const csv::Opening& opening, const TableSchema& schema, const NameMap& map) {
  if (!opening.dialect.header) return map_by_position(opening, schema);
  Match found = match(opening, schema, map);
  TRY(judge(found, opening, schema, map));
  TRY(judge_order(found, opening, schema));
  ColumnMap columns{.column_of_field = std::move(found.column_of_field),
                    .file_columns = opening.columns,
                    .is_reject_file = found.is_reject_file};
  for (const std::size_t column : found.unknown) columns.ignored.push_back(opening.header[column]);
  if (found.is_reject_file) {
    const auto place = [&](std::string_view name) {
      return static_cast<int>(std::ranges::find(opening.header, name) - opening.header.begin());
    };
    columns.rg_run = place("rg_run");
    columns.rg_raw = place("rg_raw");
  }
  return columns;
}

HeaderTrouble header_trouble(const csv::Opening& opening, const TableSchema& schema, const NameMap& map) {
  if (!opening.dialect.header) return {};
  const Match found = match(opening, schema, map);
  const Allowed allowed = allowed_by(schema.fields_match);
  HeaderTrouble trouble;
  if (!allowed.more_columns) trouble.unknown_columns = found.unknown;
  if (!allowed.fewer_columns) trouble.missing_fields = missing_fields(found, schema);
  trouble.suggested_map =
      suggest_map(opening, found.unknown, missing_fields(found, schema), sound_pairs(map, opening, schema));
  return trouble;
}

}  // namespace rowgate::table
