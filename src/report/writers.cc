#include "base/json.h"
#include "csv/writer.h"
#include "report/report.h"
#include "table/value_format.h"

namespace rowgate::report {
namespace {

class CsvWriter : public RowWriter {
 public:
  CsvWriter(Output out, bool escape_formulas)
      : out_(std::move(out)), writer_(text_, {.escape_formulas = escape_formulas}) {}

  Result<void> begin(std::span<const Column> columns) override {
    for (const Column& column : columns) {
      writer_.field(column.name);
      are_years_.push_back(column.type == table::Type::Year);
    }
    writer_.end_record();
    return flush();
  }

  Result<void> row(std::span<const OutputCell> cells) override {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].kind == OutputCell::Kind::Null)
        writer_.null_field();
      else if (are_years_[i])
        writer_.field(table::year_text(cells[i].text));
      else
        writer_.field(cells[i].text);
    }
    writer_.end_record();
    return text_.size() < kPiece ? Result<void>{} : flush();
  }

  Result<void> end() override { return flush(); }

 private:
  static constexpr std::size_t kPiece = 64 * 1024;
  Result<void> flush() {
    const Result<void> written = out_(text_);
    text_.clear();
    return written;
  }
  Output out_;
  std::string text_;
  csv::Writer writer_;
  std::vector<bool> are_years_;
};

class JsonWriter : public RowWriter {
 public:
  explicit JsonWriter(Output out) : out_(std::move(out)) {}

  Result<void> begin(std::span<const Column> columns) override {
    for (const Column& column : columns) append_json_string(keys_.emplace_back(), column.name);
    return out_("[");
  }

  Result<void> row(std::span<const OutputCell> cells) override {
    text_ = first_ ? "\n{" : ",\n{";
    first_ = false;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) text_ += ',';
      text_ += keys_[i] + ':';
      append_value(cells[i]);
    }
    text_ += '}';
    return out_(text_);
  }

  Result<void> end() override { return out_(first_ ? "]\n" : "\n]\n"); }

 private:
  void append_value(const OutputCell& cell) {
    switch (cell.kind) {
      case OutputCell::Kind::Null:
        text_ += "null";
        break;
      case OutputCell::Kind::Number:
      case OutputCell::Kind::Boolean:
        text_ += cell.text;
        break;
      case OutputCell::Kind::Text:
        append_json_string(text_, cell.text);
    }
  }
  Output out_;
  std::string text_;
  std::vector<std::string> keys_;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<RowWriter> csv_writer(Output out, bool escape_formulas) {
  return std::make_unique<CsvWriter>(std::move(out), escape_formulas);
}

std::unique_ptr<RowWriter> json_writer(Output out) {
  return std::make_unique<JsonWriter>(std::move(out));
}

}  // namespace rowgate::report
