// All kernels find the same marks, whatever the bytes; and in bytes without misquote the marks are those of
// the plain parser.

#include "csv/fuzzing.h"
#include "csv/line_ends.h"
#include "csv/plain_parser.h"
#include "csv/record_batch.h"
#include "csv/scanner.h"

#include <string>

namespace {

using namespace rowgate::csv;

Marks marks_of(Kernel kernel, const std::string& padded, std::size_t size, const Dialect& dialect) {
  Marks marks;
  scan(kernel, {padded.data(), size}, dialect, marks);
  return marks;
}

/// Ends of fields and records by the plain parser, as marks would have them.
std::vector<std::uint32_t> plain_marks(std::string_view file, const Dialect& dialect) {
  std::vector<std::uint32_t> ends, marks;
  for (std::size_t at = 0; at < file.size();) {
    ends.clear();
    const PlainRecord found = read_plain(file, at, true, dialect, ends);
    fuzzing::require(found.kind == PlainRecord::Kind::Whole || found.code == rowgate::Code::CsvUnclosedQuote,
                     "what is not misquoted has only whole records, but for a quote open at the end");
    if (found.kind != PlainRecord::Kind::Whole) break;
    ends.pop_back();
    for (const std::uint32_t end : ends) marks.push_back(end & RecordBatch::kEndMask);
    for (std::size_t i = found.end; i < found.next; ++i)
      if (is_line_end(file[i], dialect.line_end)) marks.push_back(static_cast<std::uint32_t>(i));
    at = found.next;
  }
  return marks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzzing::Input input = fuzzing::read_input(data, size);
  input.dialect.max_field_bytes = input.dialect.max_record_bytes = 1 << 30;
  std::string padded(input.file);
  padded.append(64, '"');
  const std::size_t length = input.file.size();
  const Marks scalar = marks_of(Kernel::Scalar, padded, length, input.dialect);
  for (const Kernel kernel : available_kernels()) {
    const Marks marks = marks_of(kernel, padded, length, input.dialect);
    fuzzing::require(marks.misquoted == scalar.misquoted, "kernels agree on misquotes");
    fuzzing::require(marks.inside_quotes == scalar.inside_quotes, "kernels agree on the state at the end");
    fuzzing::require(marks.quoted == scalar.quoted, "kernels agree on quotes");
    fuzzing::require(marks.lines_in_quotes == scalar.lines_in_quotes, "kernels agree on lines in quotes");
    fuzzing::require(marks.count == scalar.count, "kernels find as many marks");
    for (std::size_t i = 0; i < marks.count; ++i)
      fuzzing::require(marks.at[i] == scalar.at[i], "kernels find the same marks");
  }
  // A closing quote before a CR at the very end counts as before a CRLF, which only more bytes could tell.
  const bool unsure_end =
      length >= 2 && padded[length - 1] == '\r' && padded[length - 2] == input.dialect.quote_char;
  if (scalar.misquoted || unsure_end) return 0;
  const std::vector<std::uint32_t> plain = plain_marks(input.file, input.dialect);
  fuzzing::require(plain.size() <= scalar.count, "the plain parser has no marks of its own");
  for (std::size_t i = 0; i < plain.size(); ++i)
    fuzzing::require(plain[i] == scalar.at[i], "the plain parser finds the same marks");
  return 0;
}
