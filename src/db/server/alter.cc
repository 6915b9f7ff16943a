#include "db/server/alter.h"

#include "base/text.h"
#include "db/server/staging.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::db::server {
namespace {

using What = Difference::What;

/// A name has at most 63 bytes on PostgreSQL.
std::string kept_name(std::string_view table) {
  constexpr std::size_t kLongestName = 63;
  std::string name = fmt::format("__rg_kept_{}", table);
  name.resize(valid_utf8_prefix(std::string_view(name).substr(0, kLongestName)));
  return name;
}

/// What stands in the way goes first, what is new and may need it comes last.
class Alterations {
 public:
  Alterations(const ServerDialect& dialect, const TableName& stored, const LoadTarget& target,
              const Shape& shape, const std::vector<Difference>& differences)
      : dialect_(dialect),
        table_(dialect.quote(stored)),
        space_(stored.space),
        stored_(stored.name),
        target_(target),
        schema_(*target.schema),
        shape_(shape),
        differences_(differences),
        types_(dialect.column_types(schema_)) {}

  std::vector<std::string> run() {
    keep_rows();
    drop_keys();
    change_columns();
    add_keys();
    return std::move(out_);
  }

 private:
  void alter(const std::string& what) { out_.push_back(fmt::format("ALTER TABLE {} {};\n", table_, what)); }
  void note(const std::string& text) { out_.push_back(fmt::format("-- {}\n", text)); }
  template <class Visit>
  void each(What what, Visit visit) {
    for (const Difference& difference : differences_)
      if (difference.what == what) visit(difference.index);
  }
  /// Checks first; then a copy of the rows, where a column is converted or dropped.
  void keep_rows() {
    for (const Hazard& hazard : hazards_of(dialect_, target_, shape_, differences_))
      if (!hazard.is_loss) out_.push_back(dialect_.fail_where(table_, hazard.condition, hazard.words));
    const bool changes_rows = std::ranges::any_of(differences_, [](const Difference& difference) {
      return difference.what == What::OtherType || difference.what == What::ExtraColumn;
    });
    if (!changes_rows) return;
    const std::string kept = dialect_.quote(TableName{space_, kept_name(stored_)});
    out_.push_back(fmt::format("CREATE TABLE {} AS SELECT * FROM {};\n", kept, table_));
    note(fmt::format("the rows as they were are kept; when all is well: DROP TABLE {};", kept));
  }
  std::string columns(const std::vector<std::size_t>& fields) const {
    return fmt::format("{}", fmt::join(quoted_names(dialect_, schema_, fields), ", "));
  }
  /// A column that is taken out may be one of the key without the key being named among the differences.
  bool has_other_primary_key() const {
    std::vector<std::string> wanted;
    for (const std::size_t field : schema_.primary_key) wanted.push_back(schema_.fields[field].name);
    std::vector<std::string> there = shape_.primary_key;
    std::ranges::sort(wanted);
    std::ranges::sort(there);
    return wanted != there;
  }

  void drop_keys() {
    each(What::ExtraReference,
         [this](std::size_t i) { alter(dialect_.drop_reference(shape_.references[i].name)); });
    each(What::ExtraUnique, [this](std::size_t i) {
      const KeyShape& key = shape_.unique_keys[i];
      if (key.is_constraint)
        alter(dialect_.drop_unique_key(key.name));
      else
        out_.push_back(fmt::format("DROP INDEX {};\n", dialect_.quote(TableName{space_, key.name})));
    });
    for (const std::string& name : shape_.other_keys)
      note(
          fmt::format("rowgate cannot load beside the unique index {}, which covers a part of the rows or "
                      "values: drop it by hand",
                      shown(name)));
    if (has_other_primary_key() && !shape_.primary_key.empty())
      alter(dialect_.drop_primary_key(shape_.primary_name));
  }

  void change_columns() {
    each(What::MissingColumn, [this](std::size_t i) {
      alter("ADD COLUMN " + dialect_.column_definition(schema_, i, types_[i], target_.database_checks));
    });
    std::vector<std::size_t> changed;
    for (const What what : {What::OtherType, What::OtherNullability})
      each(what, [&](std::size_t i) {
        if (std::ranges::find(changed, i) != changed.end()) return;
        changed.push_back(i);
        for (const std::string& change :
             dialect_.change_column(schema_, i, types_[i], target_.database_checks))
          alter(change);
      });
    each(What::ExtraColumn,
         [this](std::size_t i) { alter("DROP COLUMN " + dialect_.quote(shape_.columns[i].name)); });
  }

  void add_keys() {
    if (has_other_primary_key() && !schema_.primary_key.empty())
      alter(fmt::format("ADD PRIMARY KEY ({})", columns(schema_.primary_key)));
    each(What::MissingUnique,
         [this](std::size_t i) { alter(fmt::format("ADD UNIQUE ({})", columns(schema_.unique_keys[i]))); });
    each(What::MissingReference, [this](std::size_t i) {
      alter("ADD " + dialect_.reference(schema_, schema_.foreign_keys[i], space_));
    });
  }

  const ServerDialect& dialect_;
  const std::string table_, space_, stored_;
  const LoadTarget& target_;
  const table::TableSchema& schema_;
  const Shape& shape_;
  const std::vector<Difference>& differences_;
  const std::vector<std::string> types_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<Hazard> hazards_of(const ServerDialect& dialect, const LoadTarget& target, const Shape& shape,
                               const std::vector<Difference>& differences) {
  const table::TableSchema& schema = *target.schema;
  std::vector<Hazard> hazards;
  for (const Difference& difference : differences) {
    const bool is_of_schema = difference.what == What::MissingColumn || difference.what == What::OtherType ||
                              difference.what == What::OtherNullability ||
                              difference.what == What::PrimaryKey;
    if (difference.what == What::ExtraColumn) {
      const std::string& name = shape.columns[difference.index].name;
      hazards.push_back({dialect.quote(name) + " IS NOT NULL",
                         fmt::format("of the column `{}` are left out", shown(name)), true});
    }
    if (!is_of_schema) continue;
    const table::Field& field = schema.fields[difference.index];
    const std::string name = dialect.quote(field.name);
    if (difference.what == What::MissingColumn) {
      if (schema.is_required(difference.index))
        hazards.push_back({"1 = 1", fmt::format("are missing for the new column `{}`", shown(field.name))});
      continue;
    }
    if (difference.what == What::OtherType) {
      const auto column = std::ranges::find(shape.columns, field.name, &ColumnShape::name);
      const std::string condition = dialect.changes_value(*column, field);
      if (!condition.empty())
        hazards.push_back({condition, fmt::format("would change in the column `{}`", shown(field.name))});
    }
    if (schema.is_required(difference.index))
      hazards.push_back(
          {name + " IS NULL", fmt::format("are missing in the column `{}`", shown(field.name))});
  }
  return hazards;
}

std::vector<std::string> alterations(const ServerDialect& dialect, const TableName& stored,
                                     const LoadTarget& target, const Shape& shape,
                                     const std::vector<Difference>& differences) {
  return Alterations(dialect, stored, target, shape, differences).run();
}

}  // namespace rowgate::db::server
