#pragma once

#include "cli/terminal/terminal.h"
#include "report/report.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::cli {

/// The writer for --format text, csv or json. Fails with request.invalid for any other format.
Result<std::unique_ptr<report::RowWriter>> row_writer(std::string_view format, const Terminal& terminal,
                                                      report::Output out, bool escape_formulas);

/// Rows as aligned columns. The first 200 rows give the widths, so that any number of rows can be written; a
/// later value that is wider pushes what follows it to the right.
std::unique_ptr<report::RowWriter> text_writer(report::Output out);

/// stdout as an output; fails as writing to it does. What was written is certain to be out only after
/// flush_stdout().
report::Output to_stdout(const Terminal& terminal);
/// Fails with storage.full or storage.denied where stdout is a file that could not be written.
Result<void> flush_stdout();

/// Gives `produce` an output that is the file `path`, or stdout without one ("-" is stdout too). The file
/// appears only when all has gone well, and only then is its size told.
Result<void> write_output(const Terminal& terminal, const std::optional<std::string>& path,
                          const std::function<Result<void>(const report::Output&)>& produce);

}  // namespace rowgate::cli
