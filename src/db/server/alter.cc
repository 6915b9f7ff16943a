#include "db/server/alter.h"

#include "base/text.h"
#include "db/server/staging.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::db::server {
namespace {

using What = Difference::What;

/// What stands in the way goes first, what is new and may need it comes last.
class Alterations {
 public:
  Alterations(const ServerDialect& dialect, const TableName& stored, const LoadTarget& target,
              const Shape& shape, const std::vector<Difference>& differences)
      : dialect_(dialect),
        table_(dialect.quote(stored)),
        space_(stored.space),
        target_(target),
        schema_(*target.schema),
        shape_(shape),
        differences_(differences),
        types_(dialect.column_types(schema_)) {}

  std::vector<std::string> run() {
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
      if (schema_.is_required(i))
        note("rows that are there need a value for this column: empty the table first");
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
    each(What::ExtraColumn, [this](std::size_t i) {
      note("the values of this column are lost");
      alter("DROP COLUMN " + dialect_.quote(shape_.columns[i].name));
    });
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
  const std::string table_, space_;
  const LoadTarget& target_;
  const table::TableSchema& schema_;
  const Shape& shape_;
  const std::vector<Difference>& differences_;
  const std::vector<std::string> types_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> alterations(const ServerDialect& dialect, const TableName& stored,
                                     const LoadTarget& target, const Shape& shape,
                                     const std::vector<Difference>& differences) {
  return Alterations(dialect, stored, target, shape, differences).run();
}

}  // namespace rowgate::db::server
