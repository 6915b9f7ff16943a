#include "cli/terminal/text_table.h"

#include "cli/terminal/terminal.h"
#include "cli/terminal/utf8.h"

#include <algorithm>

namespace rowgate::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;
constexpr std::string_view kDots = "...";

std::size_t column_count(const TextTable& table) {
  std::size_t columns = table.header.size();
  for (const auto& row : table.rows) columns = std::max(columns, row.size());
  return columns;
}

void widen(std::vector<std::size_t>& widths, const std::vector<std::string>& row) {
  for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
}

bool is_right(const TextTable& table, std::size_t column) {
  return column < table.right.size() && table.right[column];
}

/// The column that gives way next: the widest one with text, the first one only when no other can.
std::size_t widest(const TextTable& table, const std::vector<std::size_t>& widths) {
  std::size_t found = widths.size();
  for (std::size_t i = 1; i < widths.size(); ++i) {
    if (is_right(table, i) || widths[i] <= kNarrowest) continue;
    if (found == widths.size() || widths[i] > widths[found]) found = i;
  }
  const bool first_can = !widths.empty() && !is_right(table, 0) && widths[0] > kNarrowest;
  return found == widths.size() && first_can ? 0 : found;
}

void fit(const TextTable& table, std::vector<std::size_t>& widths, std::size_t max_width) {
  std::size_t total = widths.empty() ? 0 : (widths.size() - 1) * kGap;
  for (const std::size_t width : widths) total += width;
  while (total > max_width) {
    const std::size_t column = widest(table, widths);
    if (column == widths.size()) return;
    --widths[column];
    --total;
  }
}

void append_line(std::string& out, const TextTable& table, const std::vector<std::size_t>& widths,
                 const std::vector<std::string>& row) {
  std::string line;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) line.append(kGap, ' ');
    const std::string_view cell = i < row.size() ? std::string_view(row[i]) : std::string_view();
    line += padded(cut_to_width(cell, widths[i]), widths[i], is_right(table, i));
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line;
  out += '\n';
}

}  // namespace

std::string to_text(const TextTable& table, std::size_t max_width) {
  std::vector<std::size_t> widths(column_count(table), 0);
  widen(widths, table.header);
  for (const auto& row : table.rows) widen(widths, row);
  fit(table, widths, max_width);
  std::string out;
  if (!table.header.empty()) append_line(out, table, widths, table.header);
  for (const auto& row : table.rows) append_line(out, table, widths, row);
  return out;
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::size_t used = display_width(text);
  const std::string fill(width > used ? width - used : 0, ' ');
  return right ? fill + std::string(text) : std::string(text) + fill;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width <= kDots.size()) return std::string(kDots.substr(0, width));
  return std::string(text.substr(0, bytes_within_width(text, width - kDots.size()))) + std::string(kDots);
}

}  // namespace rowgate::cli
