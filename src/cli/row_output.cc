#include "cli/row_output.h"

#include "base/text.h"
#include "base/units.h"
#include "io/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>

namespace rowgate::cli {
namespace {

constexpr std::size_t kSampleRows = 200;
constexpr std::size_t kWidestColumn = 60;
constexpr std::size_t kUncut = std::numeric_limits<std::size_t>::max();

class TextWriter : public report::RowWriter {
 public:
  explicit TextWriter(report::Output out) : out_(std::move(out)) {}

  Result<void> begin(std::span<const report::Column> columns) override {
    right_.assign(columns.size(), true);
    widths_.assign(columns.size(), 0);
    std::vector<std::string> header;
    for (const report::Column& column : columns) header.push_back(shown(column.name, kUncut));
    measure(header);
    sample_.push_back(std::move(header));
    return {};
  }

  Result<void> row(std::span<const report::OutputCell> cells) override {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      texts.push_back(shown(cells[i].text, kUncut));
      if (cells[i].kind == report::OutputCell::Kind::Text ||
          cells[i].kind == report::OutputCell::Kind::Boolean)
        if (!settled_) right_[i] = false;
    }
    if (settled_) return out_(line(texts));
    measure(texts);
    sample_.push_back(std::move(texts));
    return sample_.size() > kSampleRows ? settle() : Result<void>{};
  }

  Result<void> end() override { return settle(); }

 private:
  void measure(const std::vector<std::string>& texts) {
    for (std::size_t i = 0; i < texts.size(); ++i)
      widths_[i] = std::max(widths_[i], std::min(display_width(texts[i]), kWidestColumn));
  }

  Result<void> settle() {
    if (settled_) return {};
    settled_ = true;
    for (const std::vector<std::string>& texts : sample_) TRY(out_(line(texts)));
    sample_.clear();
    return {};
  }

  std::string line(const std::vector<std::string>& texts) const {
    std::string out;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::size_t width = display_width(texts[i]);
      const std::size_t missing = widths_[i] > width ? widths_[i] - width : 0;
      out += "  ";
      if (right_[i]) out.append(missing, ' ');
      out += texts[i];
      if (!right_[i]) out.append(missing, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
  }

  report::Output out_;
  std::vector<std::vector<std::string>> sample_ = {};
  std::vector<std::size_t> widths_ = {};
  std::vector<bool> right_ = {};  ///< numbers only
  bool settled_ = false;
};

}  // namespace

std::unique_ptr<report::RowWriter> text_writer(report::Output out) {
  return std::make_unique<TextWriter>(std::move(out));
}

Result<std::unique_ptr<report::RowWriter>> row_writer(std::string_view format, const Terminal& terminal,
                                                      report::Output out, bool escape_formulas) {
  if (format == "json" || (format == "text" && terminal.json)) return report::json_writer(std::move(out));
  if (format == "csv") return report::csv_writer(std::move(out), escape_formulas);
  if (format == "text") return text_writer(std::move(out));
  return fail(Code::RequestInvalid, fmt::format("there is no format \"{}\"", shown(format)),
              "the formats are text, csv and json");
}

report::Output to_stdout(const Terminal& terminal) {
  return [&terminal](std::string_view bytes) -> Result<void> {
    terminal.out(bytes);
    if (std::ferror(stdout) != 0) return flush_stdout();
    return {};
  };
}

Result<void> flush_stdout() {
  const bool failed_before = std::ferror(stdout) != 0;
  if (std::fflush(stdout) == 0 && !failed_before) return {};
  return std::unexpected(io::storage_error(errno, "cannot write", "standard output"));
}

Result<void> write_output(const Terminal& terminal, const std::optional<std::string>& path,
                          const std::function<Result<void>(const report::Output&)>& produce) {
  if (!path || *path == "-") {
    TRY(produce(to_stdout(terminal)));
    return flush_stdout();
  }
  TRY_ASSIGN(io::FileWriter file, io::FileWriter::create_for_user(*path));
  TRY(produce([&file](std::string_view bytes) { return file.write(bytes); }));
  const std::uint64_t size = file.bytes_written();
  TRY(file.close());
  terminal.say(fmt::format("wrote {} ({})", *path, bytes_text(size)));
  return {};
}

}  // namespace rowgate::cli
