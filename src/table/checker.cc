// A batch is checked column by column: one tight loop for one kind of value, with its rules in registers. The
// loops know only the forms that most values have (fast_values.h) and hand every other value to ColumnRules,
// the complete way, which alone says what is wrong with one. So a value that a fast loop takes must be one
// that ColumnRules takes with the same cell; checker_test.cc holds the two equal.

#include "table/checker.h"

#include "table/column_rules.h"
#include "table/fast_values.h"
#include "table/structure.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace rowgate::table {
namespace {

using csv::RecordBatch;

/// Which fast loop a column has.
enum class Loop : std::uint8_t { None, Integer, UtcSecond, Text };

struct Column {
  ColumnRules rules;
  int file_column = ColumnMap::kAbsent;
  Loop loop = Loop::None;
  bool empty_is_null = false;  ///< an empty field is null, and may be
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  UtcSecond earliest = {}, latest = {.date = ~std::uint64_t{0}};
  std::size_t most_bytes = std::numeric_limits<std::size_t>::max();
};

bool only_empty_is_missing(const ColumnRules& rules) {
  return rules.missing_values().empty() ||
         (rules.missing_values().size() == 1 && rules.missing_values()[0].empty());
}

void choose_integer_loop(Column& column) {
  const ColumnRules& rules = column.rules;
  if (!rules.field().bare_number || !rules.field().group_char.empty()) return;
  if (rules.exclusive_minimum() || rules.exclusive_maximum()) return;
  if (rules.minimum()) column.least = rules.minimum()->cell.integer;
  if (rules.maximum()) column.most = rules.maximum()->cell.integer;
  column.loop = Loop::Integer;
}

void choose_datetime_loop(Column& column) {
  const ColumnRules& rules = column.rules;
  if (rules.field().format != "default" || rules.field().precision != 0) return;
  if (rules.exclusive_minimum() || rules.exclusive_maximum()) return;
  if (rules.minimum()) column.earliest = utc_second(rules.minimum()->cell.text);
  if (rules.maximum()) column.latest = utc_second(rules.maximum()->cell.text);
  column.loop = Loop::UtcSecond;
}

void choose_text_loop(Column& column) {
  const Constraints& rules = column.rules.field().constraints;
  if (column.rules.field().format != "default" || rules.pattern || rules.min_length.value_or(0) > 1) return;
  if (rules.minimum || rules.maximum || rules.exclusive_minimum || rules.exclusive_maximum) return;
  // A text has at most as many code points as bytes, so one this short need not be counted.
  if (rules.max_length) column.most_bytes = static_cast<std::size_t>(*rules.max_length);
  column.loop = Loop::Text;
}

void choose_loop(Column& column) {
  const Field& field = column.rules.field();
  column.empty_is_null = !column.rules.is_required() && column.rules.is_missing("");
  if (!kFastValues || field.trim || !field.constraints.enum_values.empty() ||
      !only_empty_is_missing(column.rules))
    return;
  if (field.type == Type::Integer) choose_integer_loop(column);
  if (field.type == Type::Datetime) choose_datetime_loop(column);
  if (field.type == Type::String) choose_text_loop(column);
}

/// A problem that is only counted. A batch may have three for each of its cells, and a Finding takes ten
/// times as much.
struct Unkept {
  std::uint32_t record;  ///< index in the batch
  std::uint32_t field;
  Code code;
};

/// One check of one batch.
class BatchCheck {
 public:
  BatchCheck(const std::vector<Column>& columns, const std::vector<std::uint32_t>& sound, CheckedBatch& out)
      : columns_(columns), sound_(sound), out_(out), width_(columns.size()) {}

  /// Fills the cells of all sound records; what is wrong is added to `findings`, column by column, and what
  /// is wrong beyond kMostProblems of a record to `unkept`.
  void run(std::vector<Finding>& findings, std::vector<Unkept>& unkept) {
    findings_ = &findings;
    unkept_ = &unkept;
    out_.cells.resize(std::max(out_.cells.size(), sound_.size() * width_));
    for (field_ = 0; field_ < width_; ++field_) {
      column_ = &columns_[field_];
      if (column_->file_column == ColumnMap::kAbsent) {
        absent_values();
        continue;
      }
      switch (column_->loop) {
        case Loop::Integer:
          integers();
          break;
        case Loop::UtcSecond:
          utc_seconds();
          break;
        case Loop::Text:
          texts();
          break;
        case Loop::None:
          each_record([](const char*, std::size_t, Cell&) { return false; });
      }
    }
  }

 private:
  /// A field that the file lacks is null in every record, whatever text of the file counts as missing.
  void absent_values() {
    Cell* cell = out_.cells.data() + field_;
    for (const std::uint32_t record : sound_) {
      *cell = Cell{};
      cell += width_;
      if (column_->rules.is_required()) refuse(record, {}, {.code = Code::RuleRequired});
    }
  }

  void integers() {
    const std::int64_t least = column_->least, most = column_->most;
    each_record([=](const char* text, std::size_t size, Cell& cell) __attribute__((always_inline)) {
      cell.kind = CellKind::Integer;
      return read_short_integer(text, size, cell.integer) && cell.integer >= least && cell.integer <= most;
    });
  }

  void utc_seconds() {
    const UtcSecond earliest = column_->earliest, latest = column_->latest;
    each_record([=](const char* text, std::size_t size, Cell& cell) __attribute__((always_inline)) {
      constexpr std::size_t kSize = 20;
      if (size != kSize || !is_utc_second(text)) return false;
      const UtcSecond value = utc_second(text);
      cell.kind = CellKind::Text;
      cell.text = text;
      cell.size = kSize;
      return value >= earliest && value <= latest;
    });
  }

  void texts() {
    const std::size_t most = column_->most_bytes;
    each_record([=](const char* text, std::size_t size, Cell& cell) __attribute__((always_inline)) {
      cell.kind = CellKind::Text;
      cell.text = text;
      cell.size = static_cast<std::uint32_t>(size);
      return size <= most;
    });
  }

  /// Calls `fast` for each value that stands without doubled quotes and is not empty; it fills the cell or
  /// says no.
  template <class Fast>
  void each_record(Fast fast) {
    if (sound_.empty()) return;  // and no memory for cells, perhaps
    const RecordBatch& records = out_.records;
    // Into locals, since the compiler must assume that writing cells changes the vectors.
    const char* const bytes = records.bytes.data();
    const std::uint32_t* const field_end = records.field_end.data();
    const std::uint32_t* const first_field = records.first_field.data();
    const std::uint32_t* const record_begin = records.record_begin.data();
    const std::size_t width = width_;
    const bool empty_is_null = column_->empty_is_null;
    const auto in_file = static_cast<std::size_t>(column_->file_column);
    Cell* cell = out_.cells.data() + field_;
    for (const std::uint32_t record : sound_) {
      Cell& here = *cell;
      cell += width;
      const std::uint32_t* const field = field_end + first_field[record] + in_file;
      const std::uint32_t begin =
          in_file == 0 ? record_begin[record] : (field[-1] & RecordBatch::kEndMask) + 1;
      const std::uint32_t end = *field;
      if (end <= RecordBatch::kEndMask) [[likely]] {  // no flags: not quoted
        if (end == begin) {
          if (empty_is_null)
            here.kind = CellKind::Null;
          else
            complete(record, {}, false, here);
        } else if (!fast(bytes + begin, end - begin, here)) [[unlikely]] {
          complete(record, {bytes + begin, end - begin}, false, here);
        }
        continue;
      }
      std::string_view text = records.inner(record, in_file);
      if ((end & RecordBatch::kDoubled) != 0) {
        unescaped_.clear();
        csv::append_unescaped(unescaped_, text, records.quote_char);
        text = out_.keep(unescaped_);
      }
      if ((end & RecordBatch::kDoubled) != 0 || text.empty() || !fast(text.data(), text.size(), here))
        complete(record, text, true, here);
    }
  }

  /// The complete way for one value.
  void complete(std::uint32_t record, std::string_view text, bool quoted, Cell& cell) {
    if (!column_->rules.judge(text, quoted, scratch_, cell, refusals_)) {
      for (Refusal& refusal : refusals_) refuse(record, text, std::move(refusal));
      return;
    }
    const bool in_scratch = cell.is_text() && cell.text >= scratch_.data() &&
                            cell.text <= scratch_.data() + scratch_.size() && cell.size > 0;
    if (in_scratch) cell.text = out_.keep(cell.view()).data();
  }

  /// Notes what is wrong; in full only as often as a record's problems are kept, so that what a batch takes
  /// is bounded by its cells.
  void refuse(std::uint32_t record, std::string_view text, Refusal refusal) {
    if (problems_of_.empty()) problems_of_.resize(out_.records.size());
    if (problems_of_[record] == kMostProblems) {
      unkept_->push_back({record, static_cast<std::uint32_t>(field_), refusal.code});
      return;
    }
    ++problems_of_[record];
    findings_->push_back({record, problem(record, text, std::move(refusal))});
  }

  Problem problem(std::uint32_t record, std::string_view text, Refusal refusal) const {
    const RecordBatch& records = out_.records;
    Problem found{.code = refusal.code,
                  .field = static_cast<std::uint32_t>(field_),
                  .found = std::string(text),
                  .detail = std::move(refusal.detail)};
    std::uint32_t at = records.record_begin[record];
    if (column_->file_column != ColumnMap::kAbsent) {
      found.column = static_cast<std::uint32_t>(column_->file_column);
      at = records.field_begin(record, found.column);
    }
    found.at = records.position(record, at);
    return found;
  }

  const std::vector<Column>& columns_;
  const std::vector<std::uint32_t>& sound_;
  CheckedBatch& out_;
  std::size_t width_;
  std::size_t field_ = 0;
  const Column* column_ = nullptr;
  std::vector<Finding>* findings_ = nullptr;
  std::vector<Unkept>* unkept_ = nullptr;
  std::string scratch_, unescaped_;
  std::vector<Refusal> refusals_;
  std::vector<std::uint8_t> problems_of_;  ///< kept ones by record
};

/// Findings come column by column; a reject tells them by record, in the order of the fields.
void sort_by_record(std::vector<Finding>& findings) {
  std::vector<std::size_t> order(findings.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(findings[i].record, i); });
  std::vector<Finding> sorted;
  sorted.reserve(findings.size());
  for (const std::size_t i : order) sorted.push_back(std::move(findings[i]));
  findings = std::move(sorted);
}

/// Makes rejects of the findings, which are ascending by record.
void add_rejects(std::vector<Finding>& findings, CheckedBatch& out) {
  const RecordBatch& records = out.records;
  std::uint32_t last = 0xffffffff;
  for (Finding& finding : findings) {
    if (finding.record != last)
      out.rejects.push_back({.line = records.line[finding.record],
                             .record = records.first_record + finding.record,
                             .offset = records.offset(finding.record),
                             .length = records.length[finding.record],
                             .problems = {}});
    last = finding.record;
    out.rejects.back().problems.push_back(std::move(finding.problem));
  }
}

/// A record that has any is a reject already.
void add_unkept(const std::vector<Unkept>& unkept, CheckedBatch& out) {
  for (const auto& [record, field, code] : unkept) {
    const std::uint64_t number = out.records.first_record + record;
    std::ranges::lower_bound(out.rejects, number, {}, &Reject::record)->unkept.emplace_back(code, field);
  }
}

/// Rows of the sound records that have no finding; the cells of the others are closed up.
void take_rows(const std::vector<std::uint32_t>& sound, const std::vector<Finding>& findings,
               CheckedBatch& out) {
  out.row_record.assign(sound.begin(), sound.end());
  std::vector<std::uint32_t> refused;
  auto finding = findings.begin();
  for (std::uint32_t row = 0; finding != findings.end() && row < sound.size(); ++row) {
    while (finding != findings.end() && finding->record < sound[row]) ++finding;
    if (finding != findings.end() && finding->record == sound[row]) refused.push_back(row);
  }
  out.remove_rows(refused);
}

}  // namespace

struct Checker::State {
  TableSchema schema;
  std::size_t file_columns = 0;
  std::vector<int> field_of_column;
  std::vector<Column> columns;  ///< by field
};

Checker::Checker(const TableSchema& schema, const ColumnMap& columns) {
  State state{.schema = schema,
              .file_columns = columns.file_columns,
              .field_of_column = std::vector<int>(columns.file_columns, -1)};
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    Column column{.rules = ColumnRules(schema.fields[i], schema.is_required(i)),
                  .file_column = columns.column_of_field[i]};
    column.rules.use_missing_values(schema.missing_values);
    choose_loop(column);
    if (column.file_column != ColumnMap::kAbsent)
      state.field_of_column[static_cast<std::size_t>(column.file_column)] = static_cast<int>(i);
    state.columns.push_back(std::move(column));
  }
  state_ = std::make_unique<const State>(std::move(state));
}

Checker::~Checker() = default;

const TableSchema& Checker::schema() const {
  return state_->schema;
}

void Checker::check(csv::RecordBatch& records, CheckedBatch& out) const {
  out.clear();
  std::swap(out.records, records);
  out.columns = state_->columns.size();
  thread_local Structure structure;  // reused by the thread, so that a batch needs no allocation
  judge_structure(out.records, state_->file_columns, state_->field_of_column, structure);
  out.skipped = structure.blank;
  out.first_skipped_line = structure.first_blank_line;
  std::vector<Finding>& findings = structure.findings;
  thread_local std::vector<Unkept> unkept;
  unkept.clear();
  BatchCheck(state_->columns, structure.sound, out).run(findings, unkept);
  if (!findings.empty()) sort_by_record(findings);
  take_rows(structure.sound, findings, out);
  add_rejects(findings, out);
  add_unkept(unkept, out);
}

}  // namespace rowgate::table
