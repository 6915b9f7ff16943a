#include "db/server/shape.h"

#include "base/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rowgate::db::server {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

std::vector<std::string> names_of(const table::TableSchema& schema, const std::vector<std::size_t>& fields) {
  std::vector<std::string> names;
  for (const std::size_t field : fields) names.push_back(schema.fields[field].name);
  return names;
}

/// Keys compare whatever the order of their columns.
std::vector<std::string> sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

class Comparison {
 public:
  Comparison(const Shape& shape, const LoadTarget& target, const std::vector<std::string>& wanted,
             const Fits& fits)
      : shape_(shape), target_(target), schema_(*target.schema), wanted_(wanted), fits_(fits) {}

  std::vector<Difference> run() {
    for (std::size_t i = 0; i < schema_.fields.size(); ++i) compare_field(i);
    for (std::size_t i = 0; i < shape_.columns.size(); ++i)
      if (!schema_.index_of(shape_.columns[i].name))
        add(What::ExtraColumn, i,
            fmt::format("column `{}` of the database is not in the schema", shown(shape_.columns[i].name)));
    compare_unique_keys();
    compare_references();
    return std::move(out_);
  }

 private:
  using What = Difference::What;
  void add(What what, std::size_t index, std::string words) {
    out_.push_back({what, index, std::move(words)});
  }

  bool in_a_key(std::size_t index) const {
    for (const std::vector<std::size_t>& key : schema_.keys())
      if (std::ranges::find(key, index) != key.end()) return true;
    return false;
  }

  void compare_field(std::size_t index) {
    const table::Field& field = schema_.fields[index];
    const auto column = std::ranges::find(shape_.columns, field.name, &ColumnShape::name);
    if (column == shape_.columns.end()) {
      add(What::MissingColumn, index, fmt::format("column `{}` is missing in the database", field.name));
      return;
    }
    if (!fits_(*column, field, in_a_key(index)))
      add(What::OtherType, index,
          fmt::format("column `{}` is {} in the database, {} in the schema", field.name,
                      column->collation.empty() ? column->type : column->type + " " + column->collation,
                      wanted_[index]));
    const bool in_primary = std::ranges::find(schema_.primary_key, index) != schema_.primary_key.end();
    if (in_primary != has(shape_.primary_key, field.name))
      add(What::PrimaryKey, index,
          fmt::format("column `{}` {} the primary key in the database", field.name,
                      in_primary ? "is not part of" : "is part of"));
    if (!in_primary && column->not_null != schema_.is_required(index))
      add(What::OtherNullability, index,
          fmt::format("column `{}` is {} in the database, {} in the schema", field.name,
                      column->not_null ? "NOT NULL" : "nullable",
                      schema_.is_required(index) ? "required" : "not required"));
  }

  void compare_unique_keys() {
    std::vector<std::vector<std::string>> wanted, there;
    for (const std::vector<std::size_t>& key : schema_.unique_keys)
      wanted.push_back(sorted(names_of(schema_, key)));
    for (const KeyShape& key : shape_.unique_keys) there.push_back(sorted(key.columns));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (std::ranges::find(there, wanted[i]) == there.end())
        add(What::MissingUnique, i,
            fmt::format("unique key ({}) is missing in the database", fmt::join(wanted[i], ", ")));
    for (std::size_t i = 0; i < there.size(); ++i)
      if (std::ranges::find(wanted, there[i]) == wanted.end())
        add(What::ExtraUnique, i,
            fmt::format("unique key ({}) of the database is not in the schema", fmt::join(there[i], ", ")));
    for (const std::string& name : shape_.other_keys)
      add(What::OtherUnique, 0,
          fmt::format("unique index `{}` of the database covers a part of the rows or values, or an "
                      "expression, which no schema can say",
                      name));
  }

  static std::string text_of(const std::vector<std::string>& columns, const std::string& parent,
                             const std::vector<std::string>& parent_columns) {
    return fmt::format("({}) references {} ({})", fmt::join(columns, ", "), parent,
                       fmt::join(parent_columns, ", "));
  }

  void compare_references() {
    std::vector<std::string> there, wanted;
    for (const Reference& key : shape_.references)
      there.push_back(text_of(key.columns, key.parent.name, key.parent_columns));
    for (const table::ForeignKey& key : schema_.foreign_keys)
      wanted.push_back(text_of(names_of(schema_, key.fields), key.table, key.parent_fields));
    // A constraint that the database has and the schema has too never hurts, even under `keys: check`.
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (target_.enforce_keys && !has(there, wanted[i]))
        add(What::MissingReference, i, fmt::format("foreign key {} is missing in the database", wanted[i]));
    for (std::size_t i = 0; i < there.size(); ++i)
      if (!has(wanted, there[i]))
        add(What::ExtraReference, i,
            fmt::format("foreign key {} of the database is not in the schema", there[i]));
  }

  const Shape& shape_;
  const LoadTarget& target_;
  const table::TableSchema& schema_;
  const std::vector<std::string>& wanted_;
  const Fits& fits_;
  std::vector<Difference> out_;
};

}  // namespace

std::vector<Difference> compare(const Shape& shape, const LoadTarget& target,
                                const std::vector<std::string>& wanted, const Fits& fits) {
  return Comparison(shape, target, wanted, fits).run();
}

std::vector<std::string> words_of(const std::vector<Difference>& differences) {
  std::vector<std::string> words;
  for (const Difference& difference : differences) words.push_back(difference.words);
  return words;
}

}  // namespace rowgate::db::server
