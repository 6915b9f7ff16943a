#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::cli {

/// Rows of text to be shown as columns.
struct TextTable {
  std::vector<std::string> header;             ///< empty: no header line
  std::vector<std::vector<std::string>> rows;  ///< a short row is filled up with empty cells
  std::vector<bool> right;                     ///< numbers, aligned right; missing means left
};

/// The table as aligned columns, two spaces between them, each line ended with a line feed and without
/// trailing spaces. What is wider than `max_width` display columns is made to fit: the widest left-aligned
/// columns are cut, though not below 8; the first column is cut last.
std::string to_text(const TextTable& table, std::size_t max_width);

/// `text` filled up with spaces to `width` display columns.
std::string padded(std::string_view text, std::size_t width, bool right = false);
/// `text` cut to `width` display columns, with "..." where something was cut; never inside a character.
std::string cut_to_width(std::string_view text, std::size_t width);

}  // namespace rowgate::cli
