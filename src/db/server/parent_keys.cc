#include "db/server/parent_keys.h"

#include "db/server/staging.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rowgate::db::server {
namespace {

constexpr std::size_t kRemembered = 64 * 1024;

}  // namespace

Result<void> ParentKeys::add(const RowEncoder& encoder, const table::Cell* cells) {
  for (const std::size_t field : key().fields)
    if (cells[field].kind == table::CellKind::Null) return {};
  const table::Cell& first = cells[key().fields[0]];
  if (key().fields.size() == 1 && first.kind == table::CellKind::Integer) {
    if (seen_numbers_.size() >= kRemembered) seen_numbers_.clear();
    if (!seen_numbers_.insert(first.integer).second) return {};
  }
  text_.clear();
  encoder.append(text_, cells, key().fields);
  if (key().fields.size() > 1 || first.kind != table::CellKind::Integer) {
    if (seen_.size() >= kRemembered) seen_.clear();
    if (text_.size() <= 256 && !seen_.insert(text_).second) return {};
  }
  if (log_.is_full()) TRY(log_.close_block(closed_));
  log_.open_block().text += text_;
  ++log_.open_block().rows;
  return {};
}

Result<bool> ParentKeys::all_exist(Session& session, const ServerDialect& dialect, const Tables& tables,
                                   const std::string& space, const std::string& name) const {
  const TableName parent{space, key().table};
  TRY_ASSIGN(const std::optional<std::string> parents, tables.find(parent));
  if (log_.rows() == 0) return true;
  if (!parents) return false;
  TRY_ASSIGN(const std::vector<std::string> parent_names, parent_columns(tables, parent, *schema_, key()));
  const std::vector<std::string> types = dialect.column_types(*schema_);
  OwnTable own{.name = name, .columns = {}, .temporary = true};
  std::vector<std::string> names, prefixed;
  for (std::size_t i = 0; i < key().fields.size(); ++i) {
    names.push_back(fmt::format("k{}", i));
    prefixed.push_back("k." + names.back());
    own.columns.push_back(names.back() + " " + types[key().fields[i]]);
  }
  TRY(session.run(dialect.create_own(own)));
  BulkTarget target{dialect.quote(name), {}};
  for (std::size_t i = 0; i < names.size(); ++i)
    target.columns.push_back({names[i], schema_->fields[key().fields[i]].is_binary()});
  TRY(log_.each([&](const RowLog::Block& block) -> Result<void> {
    TRY_ASSIGN(const BulkOutcome done, session.bulk(target, block.text, block.rows));
    if (done.clean) return {};
    return fail(Code::DatabaseRefused,
                fmt::format("the database would have changed a checked value: {}", done.trouble),
                "nothing was loaded; please report this");
  }));
  TRY_ASSIGN(const std::optional<std::string> missing,
             session.first(fmt::format(
                 "SELECT 1 FROM {} AS k WHERE NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}) LIMIT 1",
                 target.table, *parents, equal_all(parent_names, prefixed))));
  return !missing;
}

}  // namespace rowgate::db::server
