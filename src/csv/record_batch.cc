#include "csv/record_batch.h"

#include "csv/line_ends.h"

namespace rowgate::csv {

void RecordBatch::clear() {
  number = first_offset = first_record = 0;
  size_bytes = 0;
  field_end.clear();
  first_field.clear();
  record_begin.clear();
  record_end.clear();
  line.clear();
  length.clear();
  broken.clear();
  own_offset.clear();
}

std::string RecordBatch::value(std::size_t record, std::size_t field) const {
  const std::string_view text = inner(record, field);
  if (!has_doubled(record, field)) return std::string(text);
  std::string out;
  append_unescaped(out, text, quote_char);
  return out;
}

Position RecordBatch::position(std::size_t record, std::uint32_t at) const {
  const std::string_view before(bytes.data() + record_begin[record], at - record_begin[record]);
  const std::size_t last_end = last_line_end(before, line_end);
  const std::size_t line_begin = last_end == std::string_view::npos ? 0 : last_end + 1;
  return {line[record] + count_line_ends(before, line_end), before.size() - line_begin + 1};
}

void append_unescaped(std::string& out, std::string_view inner, char quote_char) {
  for (;;) {
    const std::size_t quote = inner.find(quote_char);
    if (quote == std::string_view::npos) break;
    out.append(inner.substr(0, quote + 1));
    inner.remove_prefix(std::min(quote + 2, inner.size()));
  }
  out.append(inner);
}

}  // namespace rowgate::csv
