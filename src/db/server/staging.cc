#include "db/server/staging.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cstring>

namespace rowgate::db::server {
namespace {

std::string column(std::size_t field) {
  return fmt::format("c{}", field);
}

void append_place(std::string& out, const Place& place) {
  for (const std::uint64_t number : {place.line, place.record, place.offset, place.length}) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
    out += '\t';
  }
  out += "\\N\t";
}

std::uint64_t number(const std::optional<std::string_view>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

std::string equal_all(std::span<const std::string> left, std::span<const std::string> right) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < left.size(); ++i) parts.push_back(fmt::format("{} = {}", left[i], right[i]));
  return fmt::format("{}", fmt::join(parts, " AND "));
}

std::vector<std::string> quoted_names(const SqlDialect& dialect, const table::TableSchema& schema,
                                      std::span<const std::size_t> fields, std::string_view prefix) {
  std::vector<std::string> names;
  for (const std::size_t field : fields)
    names.push_back(std::string(prefix) + dialect.quote(schema.fields[field].name));
  return names;
}

std::vector<std::string> quoted_names(const SqlDialect& dialect, std::span<const std::string> names,
                                      std::string_view prefix) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back(std::string(prefix) + dialect.quote(name));
  return quoted;
}

std::vector<std::size_t> all_fields(const table::TableSchema& schema) {
  std::vector<std::size_t> fields(schema.fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) fields[i] = i;
  return fields;
}

std::vector<std::string> Staging::columns(std::span<const std::size_t> fields) const {
  std::vector<std::string> names;
  for (const std::size_t field : fields) names.push_back("s." + column(field));
  return names;
}

Result<void> Staging::fill(const RowLog& log, const std::stop_token& stop) {
  std::vector<std::string> columns = {"rg_line BIGINT NOT NULL", "rg_record BIGINT", "rg_offset BIGINT",
                                      "rg_length BIGINT", "rg_refused BIGINT"};
  BulkTarget target{table(), {{"rg_line"}, {"rg_record"}, {"rg_offset"}, {"rg_length"}, {"rg_refused"}}};
  const std::vector<std::string> types = dialect_->column_types(*schema_);
  for (std::size_t i = 0; i < types.size(); ++i) {
    columns.push_back(column(i) + " " + types[i]);
    target.columns.push_back({column(i), schema_->fields[i].is_binary()});
  }
  columns.emplace_back("PRIMARY KEY (rg_line)");
  TRY(session_->run(dialect_->create_own({.name = prefix_ + "_s", .columns = columns, .temporary = true})));
  TRY(session_->run(
      dialect_->create_own({.name = prefix_ + "_f",
                            .columns = {"rg_line BIGINT NOT NULL", "rg_code BIGINT NOT NULL",
                                        "rg_key BIGINT NOT NULL", "PRIMARY KEY (rg_line, rg_code, rg_key)"},
                            .temporary = true})));
  std::string text;
  return log.each([&](const RowLog::Block& block) -> Result<void> {
    if (stop.stop_requested())
      return fail(Code::RunInterrupted, "stopped; nothing of this file was loaded", "load the file again");
    text.clear();
    std::size_t begin = 0;
    for (const Place& place : block.places) {
      const std::size_t end = block.text.find('\n', begin) + 1;
      append_place(text, place);
      text.append(block.text, begin, end - begin);
      begin = end;
    }
    TRY_ASSIGN(const BulkOutcome done, session_->bulk(target, text, block.rows));
    if (done.clean) return {};
    return fail(Code::DatabaseRefused,
                fmt::format("the database would have changed a checked value: {}", done.trouble),
                "nothing was loaded; please report this");
  });
}

Result<void> Staging::find(const std::string& from_where, Code code, std::size_t key) {
  TRY(session_->run(
      fmt::format("INSERT INTO {} (rg_line, rg_code, rg_key) SELECT DISTINCT s.rg_line, {}, {} {}", found(),
                  static_cast<int>(code), key, from_where)));
  return {};
}

Result<std::uint64_t> Staging::refuse(int round, KeyFindings& findings) {
  const auto add = [&](TextView row) {
    return findings.add({.line = number(row[0]),
                         .record = number(row[1]),
                         .offset = number(row[2]),
                         .length = number(row[3]),
                         .code = static_cast<Code>(number(row[4])),
                         .key = static_cast<std::uint32_t>(number(row[5]))});
  };
  TRY(session_->each(
      fmt::format("SELECT s.rg_line, s.rg_record, s.rg_offset, s.rg_length, f.rg_code, f.rg_key "
                  "FROM {} AS f JOIN {} AS s ON s.rg_line = f.rg_line",
                  found(), table()),
      {}, add));
  std::uint64_t refused = 0;
  for (const std::string& name : key_tables_)
    TRY(
        session_->run(fmt::format("UPDATE {} SET rg_refused = {} WHERE rg_refused IS NULL AND rg_line IN "
                                  "(SELECT rg_line FROM {})",
                                  name, round, found())));
  TRY_ASSIGN(refused, session_->run(fmt::format("UPDATE {} SET rg_refused = {} WHERE rg_refused IS NULL AND "
                                                "rg_line IN (SELECT rg_line FROM {})",
                                                table(), round, found())));
  TRY(session_->run("DELETE FROM " + found()));
  return refused;
}

Result<std::string> Staging::make_keys(std::size_t key_number, std::span<const std::size_t> fields) {
  const std::string name = fmt::format("{}_k{}", prefix_, key_number);
  const std::vector<std::string> types = dialect_->column_types(*schema_);
  OwnTable keys{.name = name, .columns = {"rg_line BIGINT NOT NULL", "rg_refused BIGINT"}, .temporary = true};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    names.push_back(fmt::format("k{}", i));
    keys.columns.push_back(names.back() + " " + types[fields[i]]);
  }
  keys.columns.emplace_back("PRIMARY KEY (rg_line)");
  keys.indexes = {{.name = name + "_i", .columns = fmt::format("{}", fmt::join(names, ", "))}};
  TRY(session_->run(dialect_->create_own(keys)));
  key_tables_.push_back(dialect_->quote(name));
  TRY(session_->run(
      fmt::format("INSERT INTO {} (rg_line, rg_refused, {}) SELECT s.rg_line, s.rg_refused, {} FROM {} AS s",
                  key_tables_.back(), fmt::join(names, ", "), fmt::join(columns(fields), ", "), table())));
  return key_tables_.back();
}

}  // namespace rowgate::db::server
